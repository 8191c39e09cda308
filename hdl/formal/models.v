// The primitives of hdl/verilog as proofs see them. Each allows all that the primitive does, and more.

// RAM of one clock. Only the word at `place`, which may be any, is remembered; a read of another gives anything. What holds
// for every `place` holds for the RAM.
module backstop_ram #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS = 1
) (
    input wire clock,
    input wire read_enable,
    input wire [ADDRESS-1:0] read_address,
    output reg [WIDTH-1:0] read_data,
    input wire write_enable,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] write_data
);
    localparam INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
    (* anyconst *) reg [INDEX-1:0] place;
    (* anyseq *) reg [WIDTH-1:0] other;
    reg [WIDTH-1:0] word;

    always @(posedge clock) begin
        if (write_enable && write_address[INDEX-1:0] == place) word <= write_data;
        if (read_enable) read_data <= read_address[INDEX-1:0] == place ? word : other;
    end
endmodule

// RAM of two clocks, likewise. A read of the word that is being written gives anything.
module backstop_registered_ram #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS = 1
) (
    input wire clock,
    input wire read_enable,
    input wire [ADDRESS-1:0] read_address,
    output reg [WIDTH-1:0] read_data,
    input wire write_enable,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] write_data
);
    localparam INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
    (* anyconst *) reg [INDEX-1:0] place;
    (* anyseq *) reg [WIDTH-1:0] other;
    reg [WIDTH-1:0] word;
    reg [WIDTH-1:0] read;
    wire writes = write_enable && write_address[INDEX-1:0] == place;

    always @(posedge clock) begin
        if (writes) word <= write_data;
        if (read_enable) read <= read_address[INDEX-1:0] == place && !writes ? word : other;
        read_data <= read;
    end
endmodule

// Product as two rows. The factors stand at `left_factor` and `right_factor`, and `product` is left open: what it is, a proof
// says. The rows are any two of that sum modulo 2^C, and if `right` fits one limb of every target two that do not wrap
// (proof `product`).
module backstop_product_rows #(
    parameter A = 18,
    parameter B = 18,
    parameter C = 36
) (
    input wire clock,
    input wire [A-1:0] left,
    input wire [B-1:0] right,
    output wire [C-1:0] sum,
    output wire [C-1:0] carry
);
    reg [A-1:0] left_taken, left_factor;
    reg [B-1:0] right_taken, right_factor;
    (* anyseq *) reg [C-1:0] first;
    (* anyseq *) reg [C-1:0] second;
    wire [C:0] whole = first + second;
    wire [C-1:0] product = whole[C-1:0];

    always @(posedge clock) begin
        left_taken <= left;
        right_taken <= right;
        left_factor <= left_taken;
        right_factor <= right_taken;
    end
    assign sum = first;
    assign carry = second;
    generate if (B <= 17) always @(*) assume (!whole[C]); endgenerate
endmodule
