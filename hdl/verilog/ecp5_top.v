// The machine routed by itself: without a clock pin nothing would put the clock on a global net, so this does.
module backstop_ecp5 (
    input wire clk,
    input wire rst,
    input wire [255:0] s_axis_tdata,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    output wire [255:0] m_axis_tdata,
    output wire m_axis_tvalid,
    input wire m_axis_tready,
    output wire [31:0] ecc_corrected,
    output wire [31:0] ecc_uncorrected
);
    wire clock;

    DCCA buffer (.CLKI(clk), .CLKO(clock), .CE(1'b1));
    backstop_inline inline (
        .clk(clock),
        .rst(rst),
        .s_axis_tdata(s_axis_tdata),
        .s_axis_tvalid(s_axis_tvalid),
        .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata),
        .m_axis_tvalid(m_axis_tvalid),
        .m_axis_tready(m_axis_tready),
        .ecc_corrected(ecc_corrected),
        .ecc_uncorrected(ecc_uncorrected)
    );
endmodule
