// The in-line machine beside a 10G Ethernet MAC, in the machine's clock. A frame is one beat of 32 bytes, an Ethernet header and 18 bytes
// that nobody reads, then records of 32 bytes, one a beat. The sender numbers its records. Each answer leaves in a frame of its own.
// A frame that the MAC had no room for is a gap in the numbers: the machine locks. That is the point of `rx_fifo_overflow`.
module backstop_inline_mac #(
    parameter [47:0] LOCAL_MAC = 48'h02_00_00_00_00_01,
    parameter [47:0] REMOTE_MAC = 48'h02_00_00_00_00_02,
    parameter [15:0] ETHERTYPE = 16'h88b5
) (
    input wire clk,
    input wire rst,
    input wire rx_clk,
    input wire rx_rst,
    input wire tx_clk,
    input wire tx_rst,
    input wire [63:0] xgmii_rxd,
    input wire [7:0] xgmii_rxc,
    output wire [63:0] xgmii_txd,
    output wire [7:0] xgmii_txc,
    output wire rx_fifo_overflow,
    output wire [31:0] ecc_corrected,
    output wire [31:0] ecc_uncorrected
);
    wire [255:0] rx_data, answer;
    wire [31:0] rx_keep;
    wire rx_valid, rx_ready, rx_last, tx_ready, record_ready, answer_valid;

    // In: the first beat says whether the frame is ours; a beat that is not a whole record is none.
    reg first = 1'b1;
    reg ours = 1'b0;
    wire is_ours = rx_data[111:96] == {ETHERTYPE[7:0], ETHERTYPE[15:8]};
    wire is_record = !first && ours && &rx_keep;
    assign rx_ready = !is_record || record_ready;
    always @(posedge clk) begin
        if (rx_valid && rx_ready) begin
            first <= rx_last;
            if (first) ours <= is_ours;
        end
        if (rst) first <= 1'b1;
    end

    // Out: the header, then the answer. Byte 0 is in the lowest bits, and Ethernet sends an address's highest byte first.
    function [47:0] swapped(input [47:0] address);
        swapped = {address[7:0], address[15:8], address[23:16], address[31:24], address[39:32], address[47:40]};
    endfunction
    wire [255:0] header = {144'd0, ETHERTYPE[7:0], ETHERTYPE[15:8], swapped(LOCAL_MAC), swapped(REMOTE_MAC)};
    reg second = 1'b0;
    always @(posedge clk) begin
        if (answer_valid && tx_ready) second <= !second;
        if (rst) second <= 1'b0;
    end

    eth_mac_10g_fifo #(.AXIS_DATA_WIDTH(256), .RX_FIFO_DEPTH(16384)) mac(
        .rx_clk(rx_clk),
        .rx_rst(rx_rst),
        .tx_clk(tx_clk),
        .tx_rst(tx_rst),
        .logic_clk(clk),
        .logic_rst(rst),
        .tx_axis_tdata(second ? answer : header),
        .tx_axis_tkeep(32'hffff_ffff),
        .tx_axis_tvalid(answer_valid),
        .tx_axis_tready(tx_ready),
        .tx_axis_tlast(second),
        .tx_axis_tuser(1'b0),
        .rx_axis_tdata(rx_data),
        .rx_axis_tkeep(rx_keep),
        .rx_axis_tvalid(rx_valid),
        .rx_axis_tready(rx_ready),
        .rx_axis_tlast(rx_last),
        .xgmii_rxd(xgmii_rxd),
        .xgmii_rxc(xgmii_rxc),
        .xgmii_txd(xgmii_txd),
        .xgmii_txc(xgmii_txc),
        .rx_fifo_overflow(rx_fifo_overflow),
        .cfg_ifg(8'd12),
        .cfg_tx_enable(1'b1),
        .cfg_rx_enable(1'b1)
    );

    backstop_inline machine(
        .clk(clk),
        .rst(rst),
        .s_axis_tdata(rx_data),
        .s_axis_tvalid(rx_valid && is_record),
        .s_axis_tready(record_ready),
        .m_axis_tdata(answer),
        .m_axis_tvalid(answer_valid),
        .m_axis_tready(tx_ready && second),
        .ecc_corrected(ecc_corrected),
        .ecc_uncorrected(ecc_uncorrected)
    );
endmodule
