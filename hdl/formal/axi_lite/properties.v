    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    // What the master has seen taken and not yet answered.
    reg has_address = 0, has_data = 0, was_offered = 0, was_done = 0;
    reg [11:0] its_address;
    reg [31:0] its_data;
    reg [3:0] its_strobe;
    reg [1:0] its_response;
    reg reads = 0, read_was_offered = 0, read_was_done = 0;
    reg [11:0] its_from;
    reg [31:0] its_word;
    reg [1:0] its_answer;
    wire write_ends = bvalid & bready;
    wire read_ends = rvalid & rready;
    // What is inside answers once, and only what it was offered.
    always @(*) assume (!write_done || was_offered & ~was_done);
    always @(*) assume (!read_done || read_was_offered & ~read_was_done);

    always @(posedge clock) begin
        if (awvalid & awready) begin
            has_address <= 1;
            its_address <= awaddr;
        end
        if (wvalid & wready) begin
            has_data <= 1;
            its_data <= wdata;
            its_strobe <= wstrb;
        end
        if (write) was_offered <= 1;
        if (write_done) begin
            was_done <= 1;
            its_response <= write_response;
        end
        if (reset | write_ends) {has_address, has_data, was_offered, was_done} <= 0;

        if (arvalid & arready) begin
            reads <= 1;
            its_from <= araddr;
        end
        if (read) read_was_offered <= 1;
        if (read_done) begin
            read_was_done <= 1;
            its_word <= read_data;
            its_answer <= read_response;
        end
        if (reset | read_ends) {reads, read_was_offered, read_was_done} <= 0;
    end

    always @(posedge clock) if (begun) begin
        one_address: assert (awready == ~has_address);
        one_data: assert (wready == ~has_data);
        offered_once: assert (write == (has_address & has_data & ~was_offered));
        if (has_address & has_data)
            as_given: assert ({write_address, write_data, write_strobe} == {its_address, its_data, its_strobe});
        answered_if_done: assert (bvalid == was_done);
        if (bvalid) write_response_is: assert (was_offered & has_address & has_data && bresp == its_response);
        if ($past(bvalid & ~bready & ~reset)) response_stands: assert (bvalid && bresp == $past(bresp));

        one_read: assert (arready == ~reads);
        read_once: assert (read == (reads & ~read_was_offered));
        if (reads) read_as_given: assert (read_address == its_from);
        read_if_done: assert (rvalid == read_was_done);
        if (rvalid) read_response_is: assert (read_was_offered & reads && {rdata, rresp} == {its_word, its_answer});
        if ($past(rvalid & ~rready & ~reset)) read_stands: assert (rvalid && {rdata, rresp} == $past({rdata, rresp}));

        // For the induction.
        assert (!has_address || address$q == its_address);
        assert (!has_data || {data$q, strobe$q} == {its_data, its_strobe});
        assert (!was_offered || has_address & has_data);
        assert (!was_done || was_offered);
        assert (was_offered == offered$q);
        assert (!read_was_offered || reads);
        assert (!read_was_done || read_was_offered);
    end
