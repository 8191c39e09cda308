// Primitives for Lattice ECP5.

`define BACKSTOP_LIMB_WIDE 18
`define BACKSTOP_LIMB_NARROW 18

// Product of two unsigned limbs: factors registered, product registered, 2 clocks. A limb of 3 bits or fewer is
// added up in LUTs; any other pair takes one MULT18X18D with all its registers but the inner one.
module backstop_multiplier #(
    parameter LEFT = 18,
    parameter RIGHT = 18
) (
    input wire clock,
    input wire [LEFT-1:0] left,
    input wire [RIGHT-1:0] right,
    output wire [LEFT+RIGHT-1:0] product
);
    localparam TINY = 3;

    generate
        if (RIGHT <= TINY || LEFT <= TINY) begin : luts
            localparam LONG = RIGHT <= TINY ? LEFT : RIGHT;
            localparam SHORT = RIGHT <= TINY ? RIGHT : LEFT;
            reg [LONG-1:0] long_factor;
            reg [TINY-1:0] short_factor;
            reg [LEFT+RIGHT-1:0] total;
            wire [LONG-1:0] long_limb;
            wire [TINY-1:0] short_limb;
            if (RIGHT <= TINY) begin : straight
                assign long_limb = left;
                assign short_limb = {{(TINY-SHORT){1'b0}}, right};
            end else begin : turned
                assign long_limb = right;
                assign short_limb = {{(TINY-SHORT){1'b0}}, left};
            end
            wire [LONG+SHORT-1:0] times_1 = {{SHORT{1'b0}}, long_factor & {LONG{short_factor[0]}}};
            wire [LONG+SHORT-1:0] times_2 = {{SHORT{1'b0}}, long_factor & {LONG{short_factor[1]}}} << 1;
            wire [LONG+SHORT-1:0] times_4 = {{SHORT{1'b0}}, long_factor & {LONG{short_factor[2]}}} << 2;

            always @(posedge clock) begin
                long_factor <= long_limb;
                short_factor <= short_limb;
                total <= times_1 + times_2 + times_4;
            end
            assign product = total;
        end else begin : block
            wire [17:0] a = {{(18-LEFT){1'b0}}, left};
            wire [17:0] b = {{(18-RIGHT){1'b0}}, right};
            wire [35:0] p;

            MULT18X18D #(
                .REG_INPUTA_CLK("CLK0"), .REG_INPUTA_CE("CE0"), .REG_INPUTA_RST("RST0"),
                .REG_INPUTB_CLK("CLK0"), .REG_INPUTB_CE("CE0"), .REG_INPUTB_RST("RST0"),
                .REG_INPUTC_CLK("NONE"),
                .REG_PIPELINE_CLK("NONE"),
                .REG_OUTPUT_CLK("CLK0"), .REG_OUTPUT_CE("CE0"), .REG_OUTPUT_RST("RST0"),
                .CLK0_DIV("ENABLED"), .GSR("DISABLED"), .RESETMODE("SYNC"),
                .SOURCEB_MODE("B_INPUT"), .MULT_BYPASS("DISABLED")
            ) multiplier (
                .CLK0(clock), .CE0(1'b1), .RST0(1'b0),
                .SIGNEDA(1'b0), .SIGNEDB(1'b0), .SOURCEA(1'b0), .SOURCEB(1'b0),
                .A0(a[0]), .A1(a[1]), .A2(a[2]), .A3(a[3]), .A4(a[4]), .A5(a[5]),
                .A6(a[6]), .A7(a[7]), .A8(a[8]), .A9(a[9]), .A10(a[10]), .A11(a[11]),
                .A12(a[12]), .A13(a[13]), .A14(a[14]), .A15(a[15]), .A16(a[16]), .A17(a[17]),
                .B0(b[0]), .B1(b[1]), .B2(b[2]), .B3(b[3]), .B4(b[4]), .B5(b[5]),
                .B6(b[6]), .B7(b[7]), .B8(b[8]), .B9(b[9]), .B10(b[10]), .B11(b[11]),
                .B12(b[12]), .B13(b[13]), .B14(b[14]), .B15(b[15]), .B16(b[16]), .B17(b[17]),
                .P0(p[0]), .P1(p[1]), .P2(p[2]), .P3(p[3]), .P4(p[4]), .P5(p[5]),
                .P6(p[6]), .P7(p[7]), .P8(p[8]), .P9(p[9]), .P10(p[10]), .P11(p[11]),
                .P12(p[12]), .P13(p[13]), .P14(p[14]), .P15(p[15]), .P16(p[16]), .P17(p[17]),
                .P18(p[18]), .P19(p[19]), .P20(p[20]), .P21(p[21]), .P22(p[22]), .P23(p[23]),
                .P24(p[24]), .P25(p[25]), .P26(p[26]), .P27(p[27]), .P28(p[28]), .P29(p[29]),
                .P30(p[30]), .P31(p[31]), .P32(p[32]), .P33(p[33]), .P34(p[34]), .P35(p[35])
            );
            assign product = p[LEFT+RIGHT-1:0];
        end
    endgenerate
endmodule

// RAM of one clock: a read of the word that is being written gives the old one; `read_data` stands while `read_enable`
// is low. Inferred: block RAM, or LUTs if it is shallow.
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
    // The index is cut to the depth's own bits: the RAM is not padded to the bus.
    localparam INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
    reg [WIDTH-1:0] cells [0:DEPTH-1];

    always @(posedge clock) begin
        if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
        if (read_enable) read_data <= cells[read_address[INDEX-1:0]];
    end
endmodule

// RAM of two clocks, the second a register that always loads. A read of the word that is being written gives anything.
// Up to 16,384 words are instances of DP16KD, whose output register is not inferred and saves 3.5 ns; each block is as
// deep as the RAM. Deeper ones are inferred.
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

    generate
        if (DEPTH > 16384) begin : deep
            reg [WIDTH-1:0] cells [0:DEPTH-1];
            reg [WIDTH-1:0] read;
            reg [WIDTH-1:0] registered;
            wire collision = write_enable && write_address[INDEX-1:0] == read_address[INDEX-1:0];

            always @(posedge clock) begin
                if (write_enable) cells[write_address[INDEX-1:0]] <= write_data;
                if (read_enable) read <= collision ? {WIDTH{1'bx}} : cells[read_address[INDEX-1:0]];
                registered <= read;
            end
            assign read_data = registered;
        end else begin : blocks
            localparam BITS = DEPTH <= 1024 ? 18 : DEPTH <= 2048 ? 9 : DEPTH <= 4096 ? 4 : DEPTH <= 8192 ? 2 : 1;
            // First address pin of a word; of 18 bits the two below enable bytes.
            localparam PIN = BITS == 18 ? 4 : BITS == 9 ? 3 : BITS == 4 ? 2 : BITS == 2 ? 1 : 0;
            localparam COLUMNS = (WIDTH + BITS - 1) / BITS;
            wire [13:0] a = {{(14-INDEX){1'b0}}, write_address[INDEX-1:0]} << PIN | (BITS == 18 ? 14'd3 : 14'd0);
            wire [13:0] b = {{(14-INDEX){1'b0}}, read_address[INDEX-1:0]} << PIN;
            wire [COLUMNS*BITS-1:0] written = {{(COLUMNS*BITS-WIDTH){1'b0}}, write_data};
            wire [COLUMNS*BITS-1:0] read;
            assign read_data = read[WIDTH-1:0];

            genvar i;
            for (i = 0; i < COLUMNS; i = i + 1) begin : column
                wire [17:0] d = {{(18-BITS){1'b0}}, written[i*BITS+:BITS]};
                wire [17:0] q;
                assign read[i*BITS+:BITS] = q[BITS-1:0];

                DP16KD #(
                    .DATA_WIDTH_A(BITS), .DATA_WIDTH_B(BITS),
                    .REGMODE_A("NOREG"), .REGMODE_B("OUTREG"),
                    .RESETMODE("SYNC"), .ASYNC_RESET_RELEASE("SYNC"), .GSR("DISABLED"),
                    .CSDECODE_A("0b000"), .CSDECODE_B("0b000"),
                    .WRITEMODE_A("NORMAL"), .WRITEMODE_B("NORMAL")
                ) block (
                    .CLKA(clock), .CEA(1'b1), .OCEA(1'b1), .WEA(write_enable), .RSTA(1'b0),
                    .CLKB(clock), .CEB(read_enable), .OCEB(1'b1), .WEB(1'b0), .RSTB(1'b0),
                    .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0), .CSB0(1'b0), .CSB1(1'b0), .CSB2(1'b0),
                    .ADA0(a[0]), .ADA1(a[1]), .ADA2(a[2]), .ADA3(a[3]), .ADA4(a[4]), .ADA5(a[5]),
                    .ADA6(a[6]), .ADA7(a[7]), .ADA8(a[8]), .ADA9(a[9]), .ADA10(a[10]), .ADA11(a[11]),
                    .ADA12(a[12]), .ADA13(a[13]),
                    .ADB0(b[0]), .ADB1(b[1]), .ADB2(b[2]), .ADB3(b[3]), .ADB4(b[4]), .ADB5(b[5]),
                    .ADB6(b[6]), .ADB7(b[7]), .ADB8(b[8]), .ADB9(b[9]), .ADB10(b[10]), .ADB11(b[11]),
                    .ADB12(b[12]), .ADB13(b[13]),
                    .DIA0(d[0]), .DIA1(d[1]), .DIA2(d[2]), .DIA3(d[3]), .DIA4(d[4]), .DIA5(d[5]),
                    .DIA6(d[6]), .DIA7(d[7]), .DIA8(d[8]), .DIA9(d[9]), .DIA10(d[10]), .DIA11(d[11]),
                    .DIA12(d[12]), .DIA13(d[13]), .DIA14(d[14]), .DIA15(d[15]), .DIA16(d[16]), .DIA17(d[17]),
                    .DOB0(q[0]), .DOB1(q[1]), .DOB2(q[2]), .DOB3(q[3]), .DOB4(q[4]), .DOB5(q[5]),
                    .DOB6(q[6]), .DOB7(q[7]), .DOB8(q[8]), .DOB9(q[9]), .DOB10(q[10]), .DOB11(q[11]),
                    .DOB12(q[12]), .DOB13(q[13]), .DOB14(q[14]), .DOB15(q[15]), .DOB16(q[16]), .DOB17(q[17])
                );
            end
        end
    endgenerate
endmodule
