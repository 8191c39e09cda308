    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    // Ring: a power of two of records; its place and size stand but for a reset.
    reg [51:0] last_base;
    reg [19:0] last_mask;
    reg [31:0] last_tail, last_head;
    reg after_reset = 1;
    always @(posedge clock) begin
        last_base <= base;
        last_mask <= mask;
        last_tail <= tail;
        last_head <= head;
        after_reset <= reset;
    end
    wire [31:0] size = {12'd0, mask} + 1;
    wire [31:0] filled = tail - head;
    wire [31:0] filled_before = tail - last_head;
    wire [31:0] filled_last = last_tail - last_head;
    always @(*) begin
        assume ((mask & (mask + 20'd1)) == 0 && mask >= 127);
        if (!reset & !after_reset) assume (base == last_base && mask == last_mask);
        // What the doorbell lets through: the tail goes forward, to the ring's size beyond the head at most.
        if (!reset) assume (filled <= size);
        if (!reset & !after_reset) assume (filled_before >= filled_last);
    end

    // Beats that the bus owes, those that were dropped, and records in the queue, which is cut away: proof `pcie_queue`
    // says that it shows a record only if it has one.
    wire taken = arvalid & arready;
    reg [31:0] due = 0, dropped = 0, stored = 0;
    wire pops = valid_out & ready_out;
    always @(posedge clock) begin
        due <= reset ? 0 : due + (taken ? arlen + 1 : 0) - rvalid;
        dropped <= reset ? 0 : dropped + (rvalid & ~queue$push);
        stored <= reset ? 0 : stored + queue$push - pops;
    end
    always @(*) begin
        assume (!rvalid || due != 0 || taken);
        assume (!queue$valid_out || stored != 0);
    end

    wire [31:0] burst = {24'd0, arlen} + 1;
    wire [31:0] unasked = tail - asked$q;
    wire [19:0] its_place = asked$q[19:0] & mask;
    always @(posedge clock) if (begun) begin
        room: assert (due + stored <= 256);
        if (arvalid) room_for_all: assert (due + stored + burst <= 256);
        if (queue$push) queue_has_room: assert (stored < 256);
        if (arvalid) begin
            some: assert (burst >= 1 && burst <= 16);
            no_crossing: assert (araddr[4:0] == 0 && araddr[8:5] + burst <= 16);
            if (!reset & !after_reset) its_address: assert (araddr == {base, 12'd0} + {39'd0, its_place, 5'd0});
            in_ring: assert (its_place + burst <= size);
            if (!reset & !after_reset) not_beyond: assert (burst <= unasked);
        end
        if (!reset & !after_reset) behind_tail: assert (asked$q - head <= filled);
        if ($past(arvalid & ~arready & ~reset))
            stands: assert (arvalid && araddr == $past(araddr) && arlen == $past(arlen));
        owes: assert (outstanding >= (due != 0 | arvalid));
        not_faulty: assert (fault || dropped == 0);

        // For the induction.
        assert (pending$q == due);
        assert (held$q == due + stored + dropped && held$q <= 256);
        assert (due <= 256 && stored <= 256 && dropped <= 256);
        assert (asked$q - fetched$q == due + dropped);
        if (step$q != Step$Count) assert (held$q <= 240);
        if (step$q == Step$Cut) begin
            assert (to_boundary$q == 16 - asked$q[3:0]);
            if (!reset & !after_reset) assert (available$q <= unasked);
        end
        if (step$q == Step$Place | step$q == Step$Ask) begin
            assert (length$q >= 1 && length$q <= 16 - asked$q[3:0]);
            if (!reset & !after_reset) assert (length$q <= unasked);
        end
    end

    // How long a fault has been there.
    reg [1:0] faulty_for = 0;
    always @(posedge clock) begin
        faulty_for <= reset | ~fault ? 0 : faulty_for + (faulty_for != 3);
        if (begun) begin
            if (faulty_for != 0) assert (fault && step$q != Step$Cut);
            if (faulty_for > 1) assert (step$q != Step$Place);
            if ($past(faulty_for > 1 & ~reset)) fault_stops: assert (arvalid <= $past(arvalid));
        end
    end
