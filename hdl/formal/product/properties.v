// The shapes that the machine's factors have, in limbs.
module product_properties (
    input wire clock,
    // Comparator: 5 limbs by 1.
    input wire [14:0] left_1,
    input wire [1:0] right_1,
    // Values, requirement, cash: 4 limbs by 2; the last ones are not full.
    input wire [10:0] left_2,
    input wire [3:0] right_2,
    // Notional: 3 limbs by 2.
    input wire [6:0] left_3,
    input wire [5:0] right_3
);
    wire [16:0] sum_1, carry_1;
    wire [15:0] sum_2, carry_2;
    wire [11:0] sum_3, carry_3;
    backstop_product_rows #(.A(15), .B(2), .C(17)) a (.clock(clock), .left(left_1), .right(right_1), .sum(sum_1), .carry(carry_1));
    backstop_product_rows #(.A(11), .B(4), .C(16)) b (.clock(clock), .left(left_2), .right(right_2), .sum(sum_2), .carry(carry_2));
    // Fewer bits than the product has.
    backstop_product_rows #(.A(7), .B(6), .C(12)) c (.clock(clock), .left(left_3), .right(right_3), .sum(sum_3), .carry(carry_3));

    wire [15:0] total_2 = sum_2 + carry_2;
    wire [11:0] total_3 = sum_3 + carry_3;
    reg [1:0] begun = 0;
    always @(posedge clock) begin
        if (begun < 2) begun <= begun + 1;
        if (begun == 2) begin
            one_limb: assert ({1'b0, sum_1} + {1'b0, carry_1} == {3'b0, $past(left_1, 2)} * $past(right_1, 2));
            two_limbs: assert (total_2 == {5'b0, $past(left_2, 2)} * $past(right_2, 2));
            cut: assert (total_3 == {5'b0, $past(left_3, 2)} * $past(right_3, 2));
        end
    end
endmodule
