// The PCIe-side top behind a LitePCIe standalone core. Its AXI slave takes addresses of 32 bits: an address beyond waits for ever, so that
// nothing is written where it should not be.
module backstop_litepcie (
    input wire core_clk,
    input wire pcie_rst_n,
    input wire pcie_clk_p,
    input wire pcie_clk_n,
    input wire [3:0] pcie_rx_p,
    input wire [3:0] pcie_rx_n,
    output wire [3:0] pcie_tx_p,
    output wire [3:0] pcie_tx_n
);
    wire axi_clk, axi_rst;
    wire irq_request;
    wire [31:0] axil_awaddr, axil_wdata, axil_araddr, axil_rdata;
    wire [2:0] axil_awprot, axil_arprot;
    wire axil_awvalid, axil_awready, axil_wvalid, axil_wready, axil_bvalid, axil_bready, axil_arvalid, axil_arready, axil_rvalid,
        axil_rready;
    wire [3:0] axil_wstrb;
    wire [1:0] axil_bresp, axil_rresp;
    wire [0:0] mem_awid, mem_bid, mem_arid, mem_rid;
    wire [63:0] mem_awaddr, mem_araddr;
    wire [7:0] mem_awlen, mem_arlen;
    wire [2:0] mem_awsize, mem_awprot, mem_arsize, mem_arprot;
    wire [1:0] mem_awburst, mem_bresp, mem_arburst, mem_rresp;
    wire mem_awlock, mem_awvalid, mem_awready, mem_wlast, mem_wvalid, mem_wready, mem_bvalid, mem_bready, mem_arlock, mem_arvalid,
        mem_arready, mem_rlast, mem_rvalid, mem_rready;
    wire [3:0] mem_awcache, mem_arcache;
    wire [255:0] mem_wdata, mem_rdata;
    wire [31:0] mem_wstrb;
    wire write_taken, read_taken;
    wire write_fits = mem_awaddr[63:32] == 32'd0;
    wire read_fits = mem_araddr[63:32] == 32'd0;
    assign mem_awready = write_taken && write_fits;
    assign mem_arready = read_taken && read_fits;

    litepcie_core bridge(
        .clk(axi_clk),
        .rst(axi_rst),
        .pcie_rst_n(pcie_rst_n),
        .pcie_clk_p(pcie_clk_p),
        .pcie_clk_n(pcie_clk_n),
        .pcie_rx_p(pcie_rx_p),
        .pcie_rx_n(pcie_rx_n),
        .pcie_tx_p(pcie_tx_p),
        .pcie_tx_n(pcie_tx_n),
        .msi_irqs(irq_request),
        .mmap_axi_lite_awaddr(axil_awaddr),
        .mmap_axi_lite_awprot(axil_awprot),
        .mmap_axi_lite_awvalid(axil_awvalid),
        .mmap_axi_lite_awready(axil_awready),
        .mmap_axi_lite_wdata(axil_wdata),
        .mmap_axi_lite_wstrb(axil_wstrb),
        .mmap_axi_lite_wvalid(axil_wvalid),
        .mmap_axi_lite_wready(axil_wready),
        .mmap_axi_lite_bresp(axil_bresp),
        .mmap_axi_lite_bvalid(axil_bvalid),
        .mmap_axi_lite_bready(axil_bready),
        .mmap_axi_lite_araddr(axil_araddr),
        .mmap_axi_lite_arprot(axil_arprot),
        .mmap_axi_lite_arvalid(axil_arvalid),
        .mmap_axi_lite_arready(axil_arready),
        .mmap_axi_lite_rdata(axil_rdata),
        .mmap_axi_lite_rresp(axil_rresp),
        .mmap_axi_lite_rvalid(axil_rvalid),
        .mmap_axi_lite_rready(axil_rready),
        .mmap_slave_axi_awqos(4'd0),
        .mmap_slave_axi_awregion(4'd0),
        .mmap_slave_axi_awuser(1'b0),
        .mmap_slave_axi_arqos(4'd0),
        .mmap_slave_axi_arregion(4'd0),
        .mmap_slave_axi_aruser(1'b0),
        .mmap_slave_axi_wuser(1'b0),
        .mmap_slave_axi_awid(mem_awid),
        .mmap_slave_axi_awaddr(mem_awaddr[31:0]),
        .mmap_slave_axi_awlen(mem_awlen),
        .mmap_slave_axi_awsize(mem_awsize),
        .mmap_slave_axi_awburst(mem_awburst),
        .mmap_slave_axi_awlock(mem_awlock),
        .mmap_slave_axi_awcache(mem_awcache),
        .mmap_slave_axi_awprot(mem_awprot),
        .mmap_slave_axi_awvalid(mem_awvalid && write_fits),
        .mmap_slave_axi_awready(write_taken),
        .mmap_slave_axi_wdata(mem_wdata),
        .mmap_slave_axi_wstrb(mem_wstrb),
        .mmap_slave_axi_wlast(mem_wlast),
        .mmap_slave_axi_wvalid(mem_wvalid),
        .mmap_slave_axi_wready(mem_wready),
        .mmap_slave_axi_bid(mem_bid),
        .mmap_slave_axi_bresp(mem_bresp),
        .mmap_slave_axi_bvalid(mem_bvalid),
        .mmap_slave_axi_bready(mem_bready),
        .mmap_slave_axi_arid(mem_arid),
        .mmap_slave_axi_araddr(mem_araddr[31:0]),
        .mmap_slave_axi_arlen(mem_arlen),
        .mmap_slave_axi_arsize(mem_arsize),
        .mmap_slave_axi_arburst(mem_arburst),
        .mmap_slave_axi_arlock(mem_arlock),
        .mmap_slave_axi_arcache(mem_arcache),
        .mmap_slave_axi_arprot(mem_arprot),
        .mmap_slave_axi_arvalid(mem_arvalid && read_fits),
        .mmap_slave_axi_arready(read_taken),
        .mmap_slave_axi_rid(mem_rid),
        .mmap_slave_axi_rdata(mem_rdata),
        .mmap_slave_axi_rresp(mem_rresp),
        .mmap_slave_axi_rlast(mem_rlast),
        .mmap_slave_axi_rvalid(mem_rvalid),
        .mmap_slave_axi_rready(mem_rready)
    );

    // The core keeps a request that lasts one clock.
    backstop_pcie block(
        .axi_clk(axi_clk),
        .axi_rst(axi_rst),
        .core_clk(core_clk),
        .s_axil_awaddr(axil_awaddr[11:0]),
        .s_axil_awprot(axil_awprot),
        .s_axil_awvalid(axil_awvalid),
        .s_axil_awready(axil_awready),
        .s_axil_wdata(axil_wdata),
        .s_axil_wstrb(axil_wstrb),
        .s_axil_wvalid(axil_wvalid),
        .s_axil_wready(axil_wready),
        .s_axil_bresp(axil_bresp),
        .s_axil_bvalid(axil_bvalid),
        .s_axil_bready(axil_bready),
        .s_axil_araddr(axil_araddr[11:0]),
        .s_axil_arprot(axil_arprot),
        .s_axil_arvalid(axil_arvalid),
        .s_axil_arready(axil_arready),
        .s_axil_rdata(axil_rdata),
        .s_axil_rresp(axil_rresp),
        .s_axil_rvalid(axil_rvalid),
        .s_axil_rready(axil_rready),
        .m_axi_awid(mem_awid),
        .m_axi_awaddr(mem_awaddr),
        .m_axi_awlen(mem_awlen),
        .m_axi_awsize(mem_awsize),
        .m_axi_awburst(mem_awburst),
        .m_axi_awlock(mem_awlock),
        .m_axi_awcache(mem_awcache),
        .m_axi_awprot(mem_awprot),
        .m_axi_awvalid(mem_awvalid),
        .m_axi_awready(mem_awready),
        .m_axi_wdata(mem_wdata),
        .m_axi_wstrb(mem_wstrb),
        .m_axi_wlast(mem_wlast),
        .m_axi_wvalid(mem_wvalid),
        .m_axi_wready(mem_wready),
        .m_axi_bid(mem_bid),
        .m_axi_bresp(mem_bresp),
        .m_axi_bvalid(mem_bvalid),
        .m_axi_bready(mem_bready),
        .m_axi_arid(mem_arid),
        .m_axi_araddr(mem_araddr),
        .m_axi_arlen(mem_arlen),
        .m_axi_arsize(mem_arsize),
        .m_axi_arburst(mem_arburst),
        .m_axi_arlock(mem_arlock),
        .m_axi_arcache(mem_arcache),
        .m_axi_arprot(mem_arprot),
        .m_axi_arvalid(mem_arvalid),
        .m_axi_arready(mem_arready),
        .m_axi_rid(mem_rid),
        .m_axi_rdata(mem_rdata),
        .m_axi_rresp(mem_rresp),
        .m_axi_rlast(mem_rlast),
        .m_axi_rvalid(mem_rvalid),
        .m_axi_rready(mem_rready),
        .irq_request(irq_request),
        .irq_accept(1'b1)
    );
endmodule
