// Feeds `backstop_inline` the records of a file without a pause and writes what it answers, which is always taken.
//
//   vvp ... +in=FILE +records=N +out=FILE +answers=N      hexadecimal, a record a line
`timescale 1ns / 1ns

module bench;
    // More silence than any sweep or walk of a small build: nothing more will come.
    localparam SILENCE_MAX = 10000;

    reg clk = 0;
    reg rst = 1;
    reg [255:0] in_data = 0;
    reg in_valid = 0;
    wire in_ready;
    wire [255:0] out_data;
    wire out_valid;
    wire [31:0] ecc_corrected, ecc_uncorrected;

    backstop_inline machine (
        .clk(clk),
        .rst(rst),
        .s_axis_tdata(in_data),
        .s_axis_tvalid(in_valid),
        .s_axis_tready(in_ready),
        .m_axis_tdata(out_data),
        .m_axis_tvalid(out_valid),
        .m_axis_tready(!rst),
        .ecc_corrected(ecc_corrected),
        .ecc_uncorrected(ecc_uncorrected)
    );

    reg [8*1024-1:0] in_name, out_name;
    integer in_file, out_file, records, answers, sent, given, silence, scanned;

    // Both streams are looked at just before the rising edge, and the next record is offered just after it.
    initial begin
        scanned = $value$plusargs("in=%s", in_name) && $value$plusargs("out=%s", out_name)
            && $value$plusargs("records=%d", records) && $value$plusargs("answers=%d", answers);
        in_file = $fopen(in_name, "r");
        out_file = $fopen(out_name, "w");
        if (scanned == 0 || in_file == 0 || out_file == 0) begin
            $display("bench: +in, +records, +out and +answers name two files and two counts");
            $finish_and_return(1);
        end
        sent = 0;
        given = 0;
        silence = 0;
        #1 clk = 1;
        #1 clk = 0;
        rst = 0;
        while (given < answers && silence < SILENCE_MAX) begin
            if (!in_valid && sent < records) begin
                scanned = $fscanf(in_file, "%h", in_data);
                in_valid = 1;
            end
            #1;
            silence = silence + 1;
            if (out_valid === 1'b1) begin
                $fdisplay(out_file, "%h", out_data);
                given = given + 1;
                silence = 0;
            end else if (out_valid !== 1'b0) begin
                $display("bench: out_valid is unknown after %0d records and %0d answers", sent, given);
                $finish_and_return(1);
            end
            scanned = in_valid && in_ready === 1'b1;
            clk = 1;
            #1;
            if (scanned) begin
                in_valid = 0;
                sent = sent + 1;
                silence = 0;
            end
            clk = 0;
        end
        $fclose(out_file);
        $finish;
    end
endmodule
