    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    // Ring: a power of two of records; its place and size stand but for a reset. The head goes forward, to the tail at most.
    reg [51:0] last_base;
    reg [19:0] last_mask;
    reg [31:0] last_head;
    reg [58:0] last_index_base;
    reg after_reset = 1;
    always @(posedge clock) begin
        last_base <= base;
        last_mask <= mask;
        last_head <= head;
        last_index_base <= index_base;
        after_reset <= reset;
    end
    wire [31:0] size = {12'd0, mask} + 1;
    wire [31:0] head_step = head - last_head;
    wire [31:0] head_most = tail - last_head;
    always @(*) begin
        assume ((mask & (mask + 20'd1)) == 0 && mask >= 127);
        if (after_reset) assume (head == 0);
        else begin
            assume (base == last_base && mask == last_mask && index_base == last_index_base);
            assume (head_step <= head_most);
        end
    end

    // The three queues are cut away. Proof `pcie_queue` says that a queue shows a word only if it has one, that the word
    // stands until it is taken, and that words leave as they came: here that a burst is among those that went in.
    wire aw_taken = awvalid & awready;
    wire w_taken = wvalid & wready;
    wire b_taken = bvalid & bready;
    wire [31:0] burst_records = is_index$q ? 0 : {24'd0, awlen} + 1;
    wire [5:0] sending = to_send$word_out;
    wire [5:0] confirming = to_confirm$word_out;
    wire [31:0] sending_records = sending[5] ? 0 : sending[4:0];
    wire [31:0] confirming_records = confirming[5] ? 0 : confirming[4:0];
    // Records in the queue; bursts, index records and records in the other two, and records that no acknowledgement counted.
    reg [31:0] stored = 0;
    reg [4:0] to_sends = 0, complete = 0, to_confirms = 0;
    reg index_sends = 0, index_confirms = 0;
    reg [31:0] waiting = 0, flight = 0, lost = 0;
    wire counts = b_taken & bresp == 0 & ~fault;
    always @(posedge clock) begin
        stored <= stored + queue$push - queue$ready_out;
        to_sends <= to_sends + aw_taken - loads;
        complete <= complete + (w_taken & wlast) - b_taken;
        to_confirms <= to_confirms + aw_taken - b_taken;
        index_sends <= index_sends + (aw_taken & is_index$q) - (loads & sending[5]);
        index_confirms <= index_confirms + (aw_taken & is_index$q) - (b_taken & confirming[5]);
        waiting <= waiting + (aw_taken ? burst_records : 0) - (loads ? sending_records : 0);
        flight <= flight + (aw_taken ? burst_records : 0) - (b_taken ? confirming_records : 0);
        lost <= lost + (b_taken & ~counts ? confirming_records : 0);
        if (reset) {stored, to_sends, complete, to_confirms, index_sends, index_confirms, waiting, flight, lost} <= 0;
    end
    reg queue_stands = 0;
    reg [255:0] last_word;
    always @(posedge clock) begin
        queue_stands <= queue$valid_out & ~queue$ready_out & ~reset;
        last_word <= queue$word_out;
    end
    always @(*) begin
        assume (!queue$valid_out || stored != 0);
        if (queue_stands) assume (queue$valid_out && queue$word_out == last_word);
        assume (!to_send$valid_out || to_sends != 0);
        if (to_send$valid_out) begin
            if (sending[5]) assume (index_sends && sending[4:0] == 1);
            else assume (to_sends != index_sends && sending[4:0] != 0 && sending[4:0] <= 16 && sending[4:0] <= waiting);
        end
        assume (!to_confirm$valid_out || to_confirms != 0);
        if (to_confirm$valid_out) begin
            if (confirming[5]) assume (index_confirms && confirming[4:0] == 1);
            else assume (to_confirms != index_confirms && confirming[4:0] != 0 && confirming[4:0] <= 16 && confirming[4:0] <= flight);
        end
        // The bus answers a write whose data it has, and never before.
        assume (!bvalid || complete != 0);
        // What is answered is the oldest burst, all of whose data it has; there is one index record at most.
        if (bvalid & confirming[5]) assume (!index_sends && !(sends$q & sends_index$q));
    end

    // One burst, any, is marked as its address is taken; its data comes when that of all before it has.
    (* anyseq *) reg marks;
    reg marked = 0;
    reg [5:0] token;
    reg [4:0] ahead;
    reg [4:0] beat = 0;
    wire starts = marks & aw_taken & ~marked & ~reset;
    wire ends = w_taken & wlast;
    wire its_turn = marked & ahead == 0;
    always @(posedge clock) begin
        if (starts) begin
            marked <= 1;
            token <= {is_index$q, awlen[4:0] + 5'd1};
            ahead <= to_sends + sends$q - ends;
        end else if (marked & ends) begin
            marked <= ahead != 0;
            ahead <= ahead - 1;
        end
        if (w_taken) beat <= wlast ? 0 : beat + 1;
        if (reset) {marked, beat} <= 0;
    end
    always @(*) if (marked & to_send$valid_out & ahead == sends$q) assume (sending == token);

    // What the index record must say.
    reg [127:0] loaded;
    always @(posedge clock) if (loads & sending[5]) loaded <= {index_rest, tail};

    wire [31:0] unread = tail - head;
    wire [32:0] in_the_ring = {1'b0, flight} + lost + unread;
    wire [31:0] free = size - in_the_ring[31:0];
    wire [4:0] left_records = sends$q & ~sends_index$q ? left$q : 0;
    reg [1:0] faulty_for = 0;
    always @(posedge clock) begin
        faulty_for <= reset | ~fault ? 0 : faulty_for + (faulty_for != 3);
        if (begun) begin
            acknowledged: assert (asked$q - tail == flight + lost);
            within_ring: assert (asked$q - head <= size && in_the_ring <= size);
            if (awvalid & ~is_index$q) begin
                room_in_ring: assert (burst_records <= free);
                some: assert (burst_records >= 1 && burst_records <= 16);
                no_crossing: assert (awaddr[4:0] == 0 && awaddr[8:5] + burst_records <= 16);
                if (!after_reset) its_address: assert (awaddr == {base, 12'd0} + {39'd0, asked$q[19:0] & mask, 5'd0});
            end
            if (awvalid & is_index$q) index_address: assert (awlen == 0 && awaddr == {index_base, 5'd0});
            if ($past(awvalid & ~awready & ~reset))
                address_stands: assert (awvalid && awaddr == $past(awaddr) && awlen == $past(awlen));
            if ($past(wvalid & ~wready & ~reset))
                data_stands: assert (wvalid && wdata == $past(wdata) && wlast == $past(wlast));
            if (its_turn & wvalid) last_at_the_end: assert (wlast == (beat + 1 == token[4:0]));
            if (wvalid & sends_index$q) index_is: assert (wdata == {128'd0, loaded});
            one_index: assert (!(awvalid & is_index$q & index_confirms));
            if ($past(~reset)) begin
                if (tail != $past(tail)) counted: assert ($past(counts) && tail - $past(tail) == $past(confirming_records));
                if (shown_tail$q != $past(shown_tail$q))
                    shown_after: assert ($past(counts & confirming[5]) && shown_tail$q == $past(loaded[31:0]));
                if ($past(fault)) tail_stands: assert (fault && tail == $past(tail));
                if ($past(faulty_for == 3)) fault_stops: assert (awvalid <= $past(awvalid));
            end
            owes: assert (outstanding == (to_confirms != 0 | offers));
            if (queue$push) queue_has_room: assert (stored < 128);
            if (aw_taken) others_have_room: assert (to_sends < 16 && to_confirms < 16);

            // For the induction.
            assert (flight <= size && lost <= size && unread <= size);
            assert (held$q == stored && stored <= 126 && (!open$q || stored <= 125));
            assert (stored == unasked$q + waiting + left_records && unasked$q <= 126 && waiting <= 126);
            assert (bursts$q == to_confirms && to_confirms <= 15 && to_confirms == to_sends + sends$q + complete);
            assert (to_sends <= 15 && complete <= 15);
            assert (step$q <= Step$Ask);
            if (step$q != Step$Count) assert (to_confirms <= 14);
            assert (index_out$q == (index_confirms | (step$q == Step$Ask & is_index$q)));
            assert (!(index_sends & sends$q & sends_index$q) && (index_sends | sends$q & sends_index$q) <= index_confirms);
            assert (index_sends <= to_sends && index_confirms <= to_confirms);
            if (sends$q) assert (left$q >= 1 && left$q <= 16 && (!sends_index$q || left$q == 1));
            else assert (beat == 0);
            if (step$q == Step$Room) assert (size - in_ring$q <= free && in_ring$q <= size);
            if (step$q == Step$Cut) assert (room$q <= free);
            if (step$q == Step$Room | step$q == Step$Cut)
                assert (available$q <= unasked$q && to_boundary$q == 16 - asked$q[3:0]);
            if (step$q == Step$Place & is_index$q) assert (!index_out$q);
            if (step$q == Step$Place | step$q == Step$Ask) begin
                if (is_index$q) assert (length$q == 1);
                else assert (length$q >= 1 && length$q <= 16 - asked$q[3:0] && length$q <= unasked$q && length$q <= free);
            end
            if (index_confirms & ~index_sends) assert (index$q == loaded);
            if (marked) begin
                assert (ahead < to_sends + sends$q);
                assert (token[4:0] >= 1 && token[4:0] <= 16);
                if (its_turn & sends$q) assert (left$q + beat == token[4:0] && sends_index$q == token[5]);
            end
            if (faulty_for != 0) assert (fault && step$q != Step$Room);
            if (faulty_for > 1) assert (step$q != Step$Cut);
            if (faulty_for > 2) assert (step$q != Step$Place);
        end
    end
