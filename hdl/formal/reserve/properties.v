    // Reset comes first and not again.
    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (begun) assume (!reset);

    wire [17:0] valid_at;
    reg [4:0] flying;
    integer i;
    (* hierconn *) wire [77:0] \pipeline.beats$0$q ;
    assign valid_at[0] = \pipeline.beats$0$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$1$q ;
    assign valid_at[1] = \pipeline.beats$1$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$2$q ;
    assign valid_at[2] = \pipeline.beats$2$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$3$q ;
    assign valid_at[3] = \pipeline.beats$3$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$4$q ;
    assign valid_at[4] = \pipeline.beats$4$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$5$q ;
    assign valid_at[5] = \pipeline.beats$5$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$6$q ;
    assign valid_at[6] = \pipeline.beats$6$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$7$q ;
    assign valid_at[7] = \pipeline.beats$7$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$8$q ;
    assign valid_at[8] = \pipeline.beats$8$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$9$q ;
    assign valid_at[9] = \pipeline.beats$9$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$10$q ;
    assign valid_at[10] = \pipeline.beats$10$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$11$q ;
    assign valid_at[11] = \pipeline.beats$11$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$12$q ;
    assign valid_at[12] = \pipeline.beats$12$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$13$q ;
    assign valid_at[13] = \pipeline.beats$13$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$14$q ;
    assign valid_at[14] = \pipeline.beats$14$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$15$q ;
    assign valid_at[15] = \pipeline.beats$15$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$16$q ;
    assign valid_at[16] = \pipeline.beats$16$q [0];
    (* hierconn *) wire [77:0] \pipeline.beats$17$q ;
    assign valid_at[17] = \pipeline.beats$17$q [0];
    (* hierconn *) wire [9:0] \pipeline.outcome_14$q ;
    (* hierconn *) wire [9:0] \pipeline.outcome_15$q ;
    (* hierconn *) wire [9:0] \pipeline.outcome_check.result$q ;
    (* hierconn *) wire [17:0] \pipeline.flying$q ;

    // Records pushed since `room` fell.
    reg [4:0] late = 0;
    always @(posedge clock) late <= fifo$room ? 0 : late + fifo$push;

    // What may still be pushed: a record a beat that is not yet reported.
    wire [4:0] waiting = flying + fifo$push;
    wire moves = state$q == State$MoveCheck || state$q == State$MoveTo || state$q == State$MoveFrom || state$q == State$MoveWait
        || state$q == State$MoveStill || state$q == State$MoveTake || state$q == State$MoveJudge || state$q == State$MoveBroken
        || state$q == State$MoveWrite;
    always @(*) begin
        flying = 0;
        for (i = 0; i < 16; i = i + 1) flying = flying + valid_at[i];
        few: assert (fifo$room || late + fifo$push <= 19);

        // Why that is so, for the induction.
        assert (fifo$room || late + waiting + moves <= 19);
        assert (\pipeline.flying$q == valid_at);
        assert (running$q == (state$q == State$Run));
        if (moves) assert (flying == 0);
        if (!begun) assert (flying == 0);
        assert (valid_at[0] || (\pipeline.beats$0$q & OTHERS) == 0);
        assert (valid_at[1] || (\pipeline.beats$1$q & OTHERS) == 0);
        assert (valid_at[2] || (\pipeline.beats$2$q & OTHERS) == 0);
        assert (valid_at[3] || (\pipeline.beats$3$q & OTHERS) == 0);
        assert (valid_at[4] || (\pipeline.beats$4$q & OTHERS) == 0);
        assert (valid_at[5] || (\pipeline.beats$5$q & OTHERS) == 0);
        assert (valid_at[6] || (\pipeline.beats$6$q & OTHERS) == 0);
        assert (valid_at[7] || (\pipeline.beats$7$q & OTHERS) == 0);
        assert (valid_at[8] || (\pipeline.beats$8$q & OTHERS) == 0);
        assert (valid_at[9] || (\pipeline.beats$9$q & OTHERS) == 0);
        assert (valid_at[10] || (\pipeline.beats$10$q & OTHERS) == 0);
        assert (valid_at[11] || (\pipeline.beats$11$q & OTHERS) == 0);
        assert (valid_at[12] || (\pipeline.beats$12$q & OTHERS) == 0);
        assert (valid_at[13] || (\pipeline.beats$13$q & OTHERS) == 0);
        assert (valid_at[14] || (\pipeline.beats$14$q & OTHERS) == 0);
        assert (valid_at[15] || (\pipeline.beats$15$q & OTHERS) == 0);
        assert (valid_at[13] || (\pipeline.outcome_check.result$q & 10'h7) == 0);
        assert (valid_at[14] || (\pipeline.outcome_14$q & 10'h7) == 0);
        assert (valid_at[15] || (\pipeline.outcome_15$q & 10'h7) == 0);
    end
    // Fields by which a beat may be answered: of a beat that is not valid, none is set.
    localparam [77:0] OTHERS = 78'b1 << 54 | 78'b1 << 55 | 78'b1 << 56 | 78'b1 << 59 | 78'b1 << 62 | 78'b1 << 66 | 78'b1 << 67 | 78'b1 << 68
        | 78'b1 << 69 | 78'b1 << 70;
