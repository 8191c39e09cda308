    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    // How many words are in the queue; its producer keeps them within the depth.
    wire pops = valid_out & ready_out;
    reg [8:0] held = 0;
    always @(posedge clock) held <= reset ? 0 : held + push - pops;
    always @(*) assume (!push || held < 256);

    // One word, any, is marked as it is pushed, and those ahead of it are counted.
    (* anyseq *) reg marks;
    reg marked = 0;
    reg [255:0] token;
    reg [8:0] ahead;
    wire starts = marks & push & ~marked & ~reset;
    always @(posedge clock) begin
        if (starts) begin
            marked <= 1;
            token <= word_in;
            ahead <= held - pops;
        end else if (marked & pops) begin
            marked <= ahead != 0;
            ahead <= ahead - 1;
        end
        if (reset) marked <= 0;
    end
    // The RAM's word that is seen is the one where the marked word goes.
    (* hierconn *) wire [7:0] \ram.ram.place ;
    (* hierconn *) wire [255:0] \ram.ram.word ;
    always @(*) if (starts & stores) assume (tail$q == \ram.ram.place );

    always @(posedge clock) begin
        if (marked & pops & ahead == 0) in_turn: assert (word_out == token);
        if (marked) not_lost: assert (ahead < held);
        not_invented: assert (valid_out <= (held != 0));
        fits: assert (count$q <= 256);
        if (begun & $past(valid_out & ~ready_out & ~reset)) stands: assert (valid_out && $past(word_out) == word_out);
        if (begun & $past(begun) & $past(held != 0 & ~reset, 2) & $past(held != 0 & ~reset) & held != 0)
            comes: assert (valid_out | $past(valid_out) | $past(valid_out, 2));
    end

    // Where it all is, for the induction.
    wire [8:0] behind_output = ahead - valid$q;
    wire [8:0] in_ram = behind_output - fetched$q;
    wire [7:0] its_place = head$q + in_ram;
    wire [7:0] length = tail$q - head$q;
    always @(posedge clock) if (begun) begin
        assert (held <= 256);
        assert (held == count$q + fetched$q + valid$q);
        assert (length == count$q[7:0]);
        if (marked) begin
            if (valid$q & ahead == 0) assert (word$q == token);
            else if (fetched$q & behind_output == 0) assert (ram$read_data == token);
            else begin
                assert (in_ram < count$q);
                assert (its_place == \ram.ram.place && \ram.ram.word == token);
            end
        end
    end
