    // A beat that the control has refused touches no account (proof `hazards`).
    always @(*) assume (!(beat[70] && beat[59]));
    wire refuses_now = outcome_check$outcome[1];
    wire writes_slot_now = outcome_check$outcome[9];
    wire spoils_now = outcome_check$outcome[8];

    // The account's word from stage 10, where it is read, to 16, where it is encoded to be written.
    reg [266:0] read_11, read_12, read_13, read_14, read_15, read_16;
    reg refused_14, refused_15, refused_16;
    reg [3:0] begun = 0;
    always @(posedge clock) begin
        read_11 <= accounts$word;
        read_12 <= read_11;
        read_13 <= read_12;
        read_14 <= read_13;
        read_15 <= read_14;
        read_16 <= read_15;
        refused_14 <= refuses_now;
        refused_15 <= refused_14;
        refused_16 <= refused_15;
        if (begun < 9) begun <= begun + 1;
        if (begun == 9) begin
            if (refuses_now & ~moves) slot_stands: assert (!slots$write);
            if (refuses_now) good: assert (!spoils_now && !writes_slot_now);
            if (refused_16 & beats$16$q[59]) account_stands: assert (accounts$write_word == read_16);
        end
    end

    // So it is at every stage, for the induction.
    always @(*) begin
        assert (!(beats$0$q[70] && beats$0$q[59]));
        assert (!(beats$1$q[70] && beats$1$q[59]));
        assert (!(beats$2$q[70] && beats$2$q[59]));
        assert (!(beats$3$q[70] && beats$3$q[59]));
        assert (!(beats$4$q[70] && beats$4$q[59]));
        assert (!(beats$5$q[70] && beats$5$q[59]));
        assert (!(beats$6$q[70] && beats$6$q[59]));
        assert (!(beats$7$q[70] && beats$7$q[59]));
        assert (!(beats$8$q[70] && beats$8$q[59]));
        assert (!(beats$9$q[70] && beats$9$q[59]));
        assert (!(beats$10$q[70] && beats$10$q[59]));
        assert (!(beats$11$q[70] && beats$11$q[59]));
        assert (!(beats$12$q[70] && beats$12$q[59]));
        assert (!(beats$13$q[70] && beats$13$q[59]));
        assert (!(beats$14$q[70] && beats$14$q[59]));
        assert (!(beats$15$q[70] && beats$15$q[59]));
        assert (!(beats$16$q[70] && beats$16$q[59]));
        assert (!(beats$17$q[70] && beats$17$q[59]));
    end
