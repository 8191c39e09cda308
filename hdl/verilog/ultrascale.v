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

// Deep and large RAMs are UltraRAM; the tool chooses block RAM or LUTs for the rest.
// RAM of one clock: a read of the word that is being written gives the old one; `read_data` stands while `read_enable`
// is low.
module backstop_ram #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS = 1
) (
    input wire clock,
    input wire read_enable,
    input wire [ADDRESS-1:0] read_address,
    output wire [WIDTH-1:0] read_data,
    input wire write_enable,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] write_data
);
    // The index is cut to the depth's own bits: the RAM is not padded to the bus.
    localparam INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam ULTRA = WIDTH * DEPTH >= 65536 && DEPTH >= 4096;

    generate
        if (ULTRA) begin : ultra
            (* ram_style = "ultra" *)
            reg [WIDTH-1:0] cells [0:DEPTH-1];
            reg [WIDTH-1:0] read;
            assign read_data = read;

            always @(posedge clock) begin
                if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
                if (read_enable) read <= cells[read_address[INDEX-1:0]];
            end
        end else begin : block_or_luts
            reg [WIDTH-1:0] cells [0:DEPTH-1];
            reg [WIDTH-1:0] read;
            assign read_data = read;

            always @(posedge clock) begin
                if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
                if (read_enable) read <= cells[read_address[INDEX-1:0]];
            end
        end
    endgenerate
endmodule

// RAM of two clocks, the second a register that always loads. A read of the word that is being written gives anything.
module backstop_registered_ram #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS = 1
) (
    input wire clock,
    input wire read_enable,
    input wire [ADDRESS-1:0] read_address,
    output wire [WIDTH-1:0] read_data,
    input wire write_enable,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] write_data
);
    // The index is cut to the depth's own bits: the RAM is not padded to the bus.
    localparam INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam ULTRA = WIDTH * DEPTH >= 65536 && DEPTH >= 4096;

    generate
        if (ULTRA) begin : ultra
            (* ram_style = "ultra" *)
            reg [WIDTH-1:0] cells [0:DEPTH-1];
            reg [WIDTH-1:0] read;
            reg [WIDTH-1:0] registered;
            assign read_data = registered;

            always @(posedge clock) begin
                if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
                if (read_enable) read <= cells[read_address[INDEX-1:0]];
                registered <= read;
            end
        end else begin : block_or_luts
            reg [WIDTH-1:0] cells [0:DEPTH-1];
            reg [WIDTH-1:0] read;
            reg [WIDTH-1:0] registered;
            assign read_data = registered;

            always @(posedge clock) begin
                if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
                if (read_enable) read <= cells[read_address[INDEX-1:0]];
                registered <= read;
            end
        end
    endgenerate
endmodule
