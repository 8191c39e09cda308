// Primitives for AMD UltraScale+, inferred.

`define BACKSTOP_LIMB_WIDE 26
`define BACKSTOP_LIMB_NARROW 17

// Product of two unsigned limbs: factors registered, product registered, 2 clocks. One DSP48E2 with A, B and P
// registers: 27 x 18 two's complement holds 26 x 17 unsigned.
(* use_dsp = "yes" *)
module backstop_multiplier #(
    parameter LEFT = 26,
    parameter RIGHT = 17
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
