// A word as it is written, and as it is read when any one or two of its bits have turned.
module secded_properties (
    input wire clock
);
    reg [1:0] begun = 0;
    always @(posedge clock) if (begun < 2) begun <= begun + 1;

    // First: the code is linear. The decoder finds in any word what the encoder makes of it, and one turned bit of any
    // word changes that as it would change nothing but zeros. So what any turned bits change is what they are alone.
    (* anyseq *) reg [143:0] word;
    wire [8:0] word_check;
    wire [8:0] found;
    (* hierconn *) wire [8:0] \of_word.syndrome ;
    reg [8:0] expected;
    backstop_lane$pipeline$slots$encoder again (.data(word[134:0]), .check(word_check));
    backstop_lane$pipeline$slots$decoder of_word (.clock(clock), .word(word));
    always @(posedge clock) begin
        expected <= word_check ^ word[143:135];
        if (begun >= 1) same_equations: assert (\of_word.syndrome == expected);
    end
    wire [134:0] linear;
    genvar bit_;
    generate
        for (bit_ = 0; bit_ < 135; bit_ = bit_ + 1) begin : turned_alone
            wire [8:0] with_it, alone;
            backstop_lane$pipeline$slots$encoder a (.data(word[134:0] ^ (135'd1 << bit_)), .check(with_it));
            backstop_lane$pipeline$slots$encoder b (.data(135'd1 << bit_), .check(alone));
            assign linear[bit_] = with_it == (word_check ^ alone);
        end
    endgenerate
    always @(posedge clock) one_bit: assert (&linear);

    // Second: what the decoder makes of a written word with turned bits.
    (* anyseq *) reg [134:0] data;
    (* anyseq *) reg [7:0] one;
    (* anyseq *) reg [7:0] other;
    (* anyseq *) reg turns_one, turns_other;
    wire [8:0] check, turned_check;
    wire [143:0] turned = (turns_one ? 144'd1 << one : 144'd0) ^ (turns_other ? 144'd1 << other : 144'd0);
    wire [134:0] read;
    wire corrected, uncorrectable;
    always @(*) assume (one < 144 && other < 144 && one != other);
    backstop_lane$pipeline$slots$encoder encoder (.data(data), .check(check));
    backstop_lane$pipeline$slots$encoder of_turned (.data(turned[134:0]), .check(turned_check));
    backstop_lane$pipeline$slots$decoder decoder (
        .clock(clock),
        .word({check, data} ^ turned),
        .data(read),
        .corrected(corrected),
        .uncorrectable(uncorrectable)
    );
    // The first part says so; found anew, it would take the solver for ever.
    (* hierconn *) wire [8:0] \decoder.syndrome ;
    reg [8:0] turned_syndrome;
    always @(posedge clock) turned_syndrome <= turned_check ^ turned[143:135];
    always @(*) assume (begun == 0 || \decoder.syndrome == turned_syndrome);

    reg [134:0] data_1, data_2;
    reg [1:0] turns_1, turns_2;
    always @(posedge clock) begin
        data_1 <= data;
        data_2 <= data_1;
        turns_1 <= turns_one + turns_other;
        turns_2 <= turns_1;
        if (begun == 2) begin
            corrects: assert (turns_2 == 2 || read == data_2);
            counts: assert (corrected == (turns_2 == 1));
            detects: assert (uncorrectable == (turns_2 == 2));
        end
    end
endmodule
