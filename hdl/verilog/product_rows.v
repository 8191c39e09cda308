
// Unsigned product as two rows, sum + carry = left * right modulo 2^C, 2 clocks.
//
// The factors are cut into limbs that fit the target's multiplier, the way round that needs fewer of them. The partial
// products of one right limb that do not overlap are laid side by side: two or three rows a right limb, whatever the
// number of left limbs. Behind the multipliers' registers, 3:2 adders leave two rows.
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
    localparam WIDE = `BACKSTOP_LIMB_WIDE;
    localparam NARROW = `BACKSTOP_LIMB_NARROW;
    localparam MULTIPLIERS_STRAIGHT = ((A + WIDE - 1) / WIDE) * ((B + NARROW - 1) / NARROW);
    localparam MULTIPLIERS_TURNED = ((A + NARROW - 1) / NARROW) * ((B + WIDE - 1) / WIDE);
    localparam LEFT_LIMB = MULTIPLIERS_TURNED < MULTIPLIERS_STRAIGHT ? NARROW : WIDE;
    localparam RIGHT_LIMB = MULTIPLIERS_TURNED < MULTIPLIERS_STRAIGHT ? WIDE : NARROW;
    localparam LEFTS = (A + LEFT_LIMB - 1) / LEFT_LIMB;
    localparam RIGHTS = (B + RIGHT_LIMB - 1) / RIGHT_LIMB;
    // Every STRIDE-th left limb shares a row; a slot of the row holds the widest partial product.
    localparam RIGHT_WIDEST = B < RIGHT_LIMB ? B : RIGHT_LIMB;
    localparam STRIDE = (2 * LEFT_LIMB + RIGHT_WIDEST - 1) / LEFT_LIMB;
    localparam SLOT = STRIDE * LEFT_LIMB;
    localparam SLOTS = (LEFTS + STRIDE - 1) / STRIDE;
    localparam ROWS = RIGHTS * STRIDE;
    // A row shifted to its place, before it is cut to C.
    localparam FULL = SLOTS * SLOT + SLOT + RIGHTS * RIGHT_LIMB + C;

    wire [ROWS*C-1:0] rows;

    genvar i, j, k;
    generate
        for (j = 0; j < RIGHTS; j = j + 1) begin : limb
            localparam RIGHT = B - j * RIGHT_LIMB < RIGHT_LIMB ? B - j * RIGHT_LIMB : RIGHT_LIMB;
            for (i = 0; i < STRIDE; i = i + 1) begin : row
                wire [SLOTS*SLOT-1:0] slots;
                wire [FULL-1:0] full = {{(FULL-SLOTS*SLOT){1'b0}}, slots} << (i * LEFT_LIMB + j * RIGHT_LIMB);
                for (k = 0; k < SLOTS; k = k + 1) begin : slot
                    localparam LSB = (k * STRIDE + i) * LEFT_LIMB;
                    localparam LEFT = A - LSB < LEFT_LIMB ? A - LSB : LEFT_LIMB;
                    if (LSB < A) begin : used
                        wire [LEFT+RIGHT-1:0] product;
                        backstop_multiplier #(.LEFT(LEFT), .RIGHT(RIGHT)) multiplier (
                            .clock(clock),
                            .left(left[LSB+:LEFT]),
                            .right(right[j*RIGHT_LIMB+:RIGHT]),
                            .product(product)
                        );
                        assign slots[k*SLOT+:SLOT] = {{(SLOT-LEFT-RIGHT){1'b0}}, product};
                    end else begin : empty
                        assign slots[k*SLOT+:SLOT] = {SLOT{1'b0}};
                    end
                end
                assign rows[(j*STRIDE+i)*C+:C] = full[C-1:0];
            end
        end

        // Row by row into two; the first two are taken as they are.
        for (k = 0; k < ROWS; k = k + 1) begin : upto
            wire [C-1:0] next = rows[k*C+:C];
            wire [C-1:0] first;
            wire [C-1:0] second;
            if (k == 0) begin : one
                assign first = next;
                assign second = {C{1'b0}};
            end else if (k == 1) begin : two
                assign first = upto[k-1].first;
                assign second = next;
            end else begin : more
                wire [C-1:0] x = upto[k-1].first;
                wire [C-1:0] y = upto[k-1].second;
                assign first = x ^ y ^ next;
                assign second = ((x & y) | (x & next) | (y & next)) << 1;
            end
        end
    endgenerate

    assign sum = upto[ROWS-1].first;
    assign carry = upto[ROWS-1].second;
endmodule
