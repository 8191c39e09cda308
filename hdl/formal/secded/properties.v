// A word as it is written, and as it is read when any one or two of its bits have turned.
module secded_properties (
    input wire clock
);
    (* anyseq *) reg [134:0] data;
    (* anyseq *) reg [7:0] one;
    (* anyseq *) reg [7:0] other;
    (* anyseq *) reg turns_one, turns_other;
    wire [8:0] check;
    wire [143:0] stored = {check, data};
    wire [143:0] turned = (turns_one ? 144'd1 << one : 144'd0) ^ (turns_other ? 144'd1 << other : 144'd0);
    wire [134:0] read;
    wire corrected, uncorrectable;
    always @(*) assume (one < 144 && other < 144 && one != other);

    backstop_lane$pipeline$slots$encoder encoder (.data(data), .check(check));
    backstop_lane$pipeline$slots$decoder decoder (
        .clock(clock),
        .word(stored ^ turned),
        .data(read),
        .corrected(corrected),
        .uncorrectable(uncorrectable)
    );

    reg [134:0] data_1, data_2;
    reg [1:0] turns_1, turns_2;
    reg [1:0] begun = 0;
    always @(posedge clock) begin
        data_1 <= data;
        data_2 <= data_1;
        turns_1 <= turns_one + turns_other;
        turns_2 <= turns_1;
        if (begun < 2) begun <= begun + 1;
        if (begun == 2) begin
            corrects: assert (turns_2 == 2 || read == data_2);
            counts: assert (corrected == (turns_2 == 1));
            detects: assert (uncorrectable == (turns_2 == 2));
        end
    end
endmodule
