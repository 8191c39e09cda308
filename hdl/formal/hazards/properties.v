    // The beats in flight, by stage, and their fields.
    localparam BEAT = 78;
    wire [18*BEAT-1:0] stages;
    wire [10*15-1+15:0] guarded;
    wire [13*15-1:0] locked;
    wire [12:0] hits;
    (* hierconn *) wire [77:0] \pipeline.beats$0$q ;
    assign stages[0*BEAT+:BEAT] = \pipeline.beats$0$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$1$q ;
    assign stages[1*BEAT+:BEAT] = \pipeline.beats$1$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$2$q ;
    assign stages[2*BEAT+:BEAT] = \pipeline.beats$2$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$3$q ;
    assign stages[3*BEAT+:BEAT] = \pipeline.beats$3$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$4$q ;
    assign stages[4*BEAT+:BEAT] = \pipeline.beats$4$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$5$q ;
    assign stages[5*BEAT+:BEAT] = \pipeline.beats$5$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$6$q ;
    assign stages[6*BEAT+:BEAT] = \pipeline.beats$6$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$7$q ;
    assign stages[7*BEAT+:BEAT] = \pipeline.beats$7$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$8$q ;
    assign stages[8*BEAT+:BEAT] = \pipeline.beats$8$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$9$q ;
    assign stages[9*BEAT+:BEAT] = \pipeline.beats$9$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$10$q ;
    assign stages[10*BEAT+:BEAT] = \pipeline.beats$10$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$11$q ;
    assign stages[11*BEAT+:BEAT] = \pipeline.beats$11$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$12$q ;
    assign stages[12*BEAT+:BEAT] = \pipeline.beats$12$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$13$q ;
    assign stages[13*BEAT+:BEAT] = \pipeline.beats$13$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$14$q ;
    assign stages[14*BEAT+:BEAT] = \pipeline.beats$14$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$15$q ;
    assign stages[15*BEAT+:BEAT] = \pipeline.beats$15$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$16$q ;
    assign stages[16*BEAT+:BEAT] = \pipeline.beats$16$q ;
    (* hierconn *) wire [77:0] \pipeline.beats$17$q ;
    assign stages[17*BEAT+:BEAT] = \pipeline.beats$17$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$0$q ;
    assign guarded[0*15+:15] = \pipeline.guard.rows$0$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$1$q ;
    assign guarded[1*15+:15] = \pipeline.guard.rows$1$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$2$q ;
    assign guarded[2*15+:15] = \pipeline.guard.rows$2$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$3$q ;
    assign guarded[3*15+:15] = \pipeline.guard.rows$3$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$4$q ;
    assign guarded[4*15+:15] = \pipeline.guard.rows$4$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$5$q ;
    assign guarded[5*15+:15] = \pipeline.guard.rows$5$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$6$q ;
    assign guarded[6*15+:15] = \pipeline.guard.rows$6$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$7$q ;
    assign guarded[7*15+:15] = \pipeline.guard.rows$7$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$8$q ;
    assign guarded[8*15+:15] = \pipeline.guard.rows$8$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$9$q ;
    assign guarded[9*15+:15] = \pipeline.guard.rows$9$q ;
    (* hierconn *) wire [14:0] \pipeline.guard.rows$10$q ;
    assign guarded[10*15+:15] = \pipeline.guard.rows$10$q ;
    (* hierconn *) wire [14:0] \interlock.rows$0$q ;
    assign locked[0*15+:15] = \interlock.rows$0$q ;
    (* hierconn *) wire \interlock.hits$0$q ;
    assign hits[0] = \interlock.hits$0$q ;
    (* hierconn *) wire [14:0] \interlock.rows$1$q ;
    assign locked[1*15+:15] = \interlock.rows$1$q ;
    (* hierconn *) wire \interlock.hits$1$q ;
    assign hits[1] = \interlock.hits$1$q ;
    (* hierconn *) wire [14:0] \interlock.rows$2$q ;
    assign locked[2*15+:15] = \interlock.rows$2$q ;
    (* hierconn *) wire \interlock.hits$2$q ;
    assign hits[2] = \interlock.hits$2$q ;
    (* hierconn *) wire [14:0] \interlock.rows$3$q ;
    assign locked[3*15+:15] = \interlock.rows$3$q ;
    (* hierconn *) wire \interlock.hits$3$q ;
    assign hits[3] = \interlock.hits$3$q ;
    (* hierconn *) wire [14:0] \interlock.rows$4$q ;
    assign locked[4*15+:15] = \interlock.rows$4$q ;
    (* hierconn *) wire \interlock.hits$4$q ;
    assign hits[4] = \interlock.hits$4$q ;
    (* hierconn *) wire [14:0] \interlock.rows$5$q ;
    assign locked[5*15+:15] = \interlock.rows$5$q ;
    (* hierconn *) wire \interlock.hits$5$q ;
    assign hits[5] = \interlock.hits$5$q ;
    (* hierconn *) wire [14:0] \interlock.rows$6$q ;
    assign locked[6*15+:15] = \interlock.rows$6$q ;
    (* hierconn *) wire \interlock.hits$6$q ;
    assign hits[6] = \interlock.hits$6$q ;
    (* hierconn *) wire [14:0] \interlock.rows$7$q ;
    assign locked[7*15+:15] = \interlock.rows$7$q ;
    (* hierconn *) wire \interlock.hits$7$q ;
    assign hits[7] = \interlock.hits$7$q ;
    (* hierconn *) wire [14:0] \interlock.rows$8$q ;
    assign locked[8*15+:15] = \interlock.rows$8$q ;
    (* hierconn *) wire \interlock.hits$8$q ;
    assign hits[8] = \interlock.hits$8$q ;
    (* hierconn *) wire [14:0] \interlock.rows$9$q ;
    assign locked[9*15+:15] = \interlock.rows$9$q ;
    (* hierconn *) wire \interlock.hits$9$q ;
    assign hits[9] = \interlock.hits$9$q ;
    (* hierconn *) wire [14:0] \interlock.rows$10$q ;
    assign locked[10*15+:15] = \interlock.rows$10$q ;
    (* hierconn *) wire \interlock.hits$10$q ;
    assign hits[10] = \interlock.hits$10$q ;
    (* hierconn *) wire [14:0] \interlock.rows$11$q ;
    assign locked[11*15+:15] = \interlock.rows$11$q ;
    (* hierconn *) wire \interlock.hits$11$q ;
    assign hits[11] = \interlock.hits$11$q ;
    (* hierconn *) wire [14:0] \interlock.rows$12$q ;
    assign locked[12*15+:15] = \interlock.rows$12$q ;
    (* hierconn *) wire \interlock.hits$12$q ;
    assign hits[12] = \interlock.hits$12$q ;
    (* hierconn *) wire \pipeline.guard.hit$q ;
    (* hierconn *) wire [17:0] \pipeline.flying$q ;

    function is_valid(input [BEAT-1:0] x); is_valid = x[0]; endfunction
    function [13:0] row_of(input [BEAT-1:0] x); row_of = x[19:6]; endfunction
    function [16:0] place_of(input [BEAT-1:0] x); place_of = x[36:20]; endfunction
    function reads_slot_of(input [BEAT-1:0] x); reads_slot_of = x[54]; endfunction
    function sweeps_of(input [BEAT-1:0] x); sweeps_of = x[55]; endfunction
    function writes_slot_of(input [BEAT-1:0] x); writes_slot_of = x[58]; endfunction
    function touches_of(input [BEAT-1:0] x); touches_of = x[59]; endfunction
    function counts_of(input [BEAT-1:0] x); counts_of = x[62]; endfunction
    function receipts_of(input [BEAT-1:0] x); receipts_of = x[69]; endfunction

    wire [BEAT-1:0] entering = pipeline$beat;
    wire [BEAT-1:0] reading = stages[6*BEAT+:BEAT];
    reg [BEAT-1:0] x, y;
    reg [13:0] behind_x, behind_y;
    reg [16:0] places_behind;
    // A sweep or walk is in flight; so it is while its state lasts.
    reg swept;
    wire sweeping = state$q == State$Sweep || state$q == State$Rewind;
    integer i, j;

    // An account is read at stage 6 and written behind 17, a slot read as a beat enters and written behind 13: nobody may
    // read what an earlier beat has yet to write. A slot that is written as it is read is forwarded (proof `slots`).
    always @(*) begin
        for (i = 7; i < 18; i = i + 1) begin
            x = stages[i*BEAT+:BEAT];
            assert (!(touches_of(reading) && touches_of(x) && row_of(reading) == row_of(x)));
        end
        for (i = 0; i < 13; i = i + 1) begin
            x = stages[i*BEAT+:BEAT];
            assert (!(reads_slot_of(entering) && is_valid(entering) && touches_of(entering) && touches_of(x)
                && writes_slot_of(x) && place_of(entering) == place_of(x)
                && (sweeps_of(entering) || row_of(entering) == row_of(x))));
        end

        // Which proof `refusal` relies on.
        assert (!(entering[70] && touches_of(entering)));
        if (valid$q && touches$q) assert (kind$q != Kind$Refuse);
        // Why that is so, for the induction.
        assert (running$q == (state$q == State$Run));
        if (valid$q) for (i = 0; i < 13; i = i + 1) assert (hits[i] == (locked[i*15+:15] == {1'b1, row$q}));
        x = stages[5*BEAT+:BEAT];
        if (\pipeline.guard.hit$q && touches_of(x)) assert (sweeps_of(x) && counts_of(x));
        swept = 0;
        for (i = 0; i < 18; i = i + 1) begin
            x = stages[i*BEAT+:BEAT];
            assert (\pipeline.flying$q [i] == is_valid(x));
            assert (is_valid(x) || !(touches_of(x) || counts_of(x) || receipts_of(x) || writes_slot_of(x) || sweeps_of(x)));
            if (counts_of(x) || receipts_of(x)) swept = 1;
            assert (!(sweeps_of(x) && touches_of(x)) || counts_of(x));
            assert (!receipts_of(x) || !(touches_of(x) || counts_of(x) || writes_slot_of(x)));
            // In flight for the interlock.
            if (i < 13 && state$q == State$Run && touches_of(x))
                assert (locked[i*15+:15] == {1'b1, row_of(x)});
            // In flight for the guard, and seen by it.
            if (i >= 5 && i < 16 && counts_of(x) && sweeps_of(x) && touches_of(x))
                assert (guarded[(i-5)*15+:15] == {1'b1, row_of(x)});
            y = stages[5*BEAT+:BEAT];
            if (i >= 6 && i < 17 && counts_of(x) && sweeps_of(x) && touches_of(x) && counts_of(y) && touches_of(y) && sweeps_of(y)
                && row_of(x) == row_of(y)) assert (\pipeline.guard.hit$q );
            // Beats of a sweep or walk follow each other by one.
            behind_x = index$q[13:0] - row_of(x);
            places_behind = cursor$q[16:0] - place_of(x);
            if (counts_of(x) && !sweeps_of(x)) assert (walks$q && behind_x >= 1 && behind_x <= i + 1);
            if (counts_of(x) && sweeps_of(x) && i < 13 && state$q != State$Rewind)
                assert (places_behind >= 1 && places_behind <= i + 1);
            if (counts_of(x)) assert (sweeps_of(x) == sweeps$q && sweeps$q != walks$q);
            // Records of one account are far enough apart.
            for (j = i + 1; j < 18; j = j + 1) begin
                y = stages[j*BEAT+:BEAT];
                behind_y = index$q[13:0] - row_of(y);
                if (i < 6 && j < i + 14 && touches_of(x) && touches_of(y) && !counts_of(x))
                    assert (row_of(x) != row_of(y));
                if (i <= 6 && counts_of(x) && counts_of(y) && !sweeps_of(x)) assert (behind_x < behind_y);
            end
        end
        if (swept) assert (valid$q && (sweeping || state$q == State$Drain));
        assert (!(sweeps$q && walks$q));
        if (sweeping) assert (valid$q && sweeps$q != walks$q);
        for (i = 0; i < 18; i = i + 1) begin
            x = stages[i*BEAT+:BEAT];
            if (is_valid(x) && (swept || sweeping)) assert (counts_of(x) || receipts_of(x));
        end
        // Other states are entered behind an empty pipeline, and Drain with one beat.
        if (state$q == State$Drain && !swept) assert ((\pipeline.flying$q & (\pipeline.flying$q - 18'd1)) == 0);
        if (!sweeping && state$q != State$Run && state$q != State$Drain && state$q != State$Repair)
            assert (\pipeline.flying$q == 0);
    end
