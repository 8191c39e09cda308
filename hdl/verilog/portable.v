// Primitives for any tool: plain Verilog, nothing instantiated. Simulation uses these.

`define BACKSTOP_LIMB_WIDE 18
`define BACKSTOP_LIMB_NARROW 18

// Product of two unsigned limbs: factors registered, product registered, 2 clocks.
module backstop_multiplier #(
    parameter LEFT = 18,
    parameter RIGHT = 18
) (
    input wire clock,
    input wire [LEFT-1:0] left,
    input wire [RIGHT-1:0] right,
    output reg [LEFT+RIGHT-1:0] product
);
    reg [LEFT-1:0] left_factor;
    reg [RIGHT-1:0] right_factor;

    always @(posedge clock) begin
        left_factor <= left;
        right_factor <= right;
        product <= {{RIGHT{1'b0}}, left_factor} * {{LEFT{1'b0}}, right_factor};
    end
endmodule
