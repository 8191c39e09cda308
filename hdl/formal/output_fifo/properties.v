    // Pushes while `room` is low: the lane's proof says that there are never so many.
    reg [4:0] late = 0;
    always @(posedge clock) late <= room ? 0 : late + push;
    always @(*) assume (room || !push || late < 23);

    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    // How many records are in the queue.
    wire pops = valid_out & ready_out;
    reg [6:0] held = 0;
    always @(posedge clock) held <= reset ? 0 : held + push - pops;

    // One record, any, is marked as it is pushed, and those ahead of it are counted.
    (* anyseq *) reg marks;
    reg marked = 0;
    reg [256:0] token;
    reg [6:0] ahead;
    wire starts = marks & push & ~marked & ~reset;
    always @(posedge clock) begin
        if (starts) begin
            marked <= 1;
            token <= {echo_in, record_in};
            ahead <= held - pops;
        end else if (marked & pops) begin
            marked <= ahead != 0;
            ahead <= ahead - 1;
        end
        if (reset) marked <= 0;
    end
    // The RAM's word that is seen is the one where the marked record goes.
    (* hierconn *) wire [5:0] \ram.ram.place ;
    (* hierconn *) wire [256:0] \ram.ram.word ;
    always @(*) if (starts & stores) assume (tail$q == \ram.ram.place );

    always @(posedge clock) begin
        if (marked & pops & ahead == 0) in_turn: assert ({echo_out, record_out} == token);
        if (marked) not_lost: assert (ahead < held);
        not_invented: assert (valid_out <= (held != 0));
        fits: assert (count$q <= 64);
        if (begun & $past(valid_out & ~ready_out & ~reset))
            stands: assert (valid_out && $past({echo_out, record_out}) == {echo_out, record_out});
        if (begun & $past(begun) & $past(held != 0 & ~reset, 2) & $past(held != 0 & ~reset) & held != 0)
            comes: assert (valid_out | $past(valid_out) | $past(valid_out, 2));
    end

    // Where it all is, for the induction.
    wire [6:0] behind_output = ahead - valid$q;
    wire [6:0] in_ram = behind_output - fetched$q;
    wire [5:0] its_place = head$q + in_ram;
    wire [5:0] length = tail$q - head$q;
    always @(posedge clock) if (begun) begin
        assert (held == count$q + fetched$q + valid$q);
        assert (length == count$q[5:0]);
        assert (late <= 23);
        assert (count$q <= (room ? 40 : 41 + late));
        if (marked) begin
            if (valid$q & ahead == 0) assert (entry$q == token);
            else if (fetched$q & behind_output == 0) assert (ram$read_data == token);
            else begin
                assert (in_ram < count$q);
                assert (its_place == \ram.ram.place && \ram.ram.word == token);
            end
        end
    end
