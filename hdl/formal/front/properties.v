    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    // The rule of the sequence and the order of the checks, as the contract has them. What the checks find is anything here.
    wire resync = operation$q[14];
    wire known_operation = operation$q[15];
    wire goes_without_scale = operation$q[20];
    wire is_silent = operation$q[22];
    wire [31:0] number = record$q[63:32];
    reg [31:0] due;
    reg shut_out;
    reg [7:0] why;
    always @(*) begin
        why = 0;
        if (!(resync && unused_bits$found == 0)) begin
            if (shut_out) why = 1;
            else if (number != due) why = 2;
        end
        if (why == 0) begin
            if (!known_operation) why = 3;
            else if (unused_bits$found != 0) why = 4;
            else if (!settings$settings[20] && !goes_without_scale) why = 5;
            else if (record_check$found != 0) why = 6;
            else if (state_check$refused) why = 7;
        end
    end
    reg accepted_last = 0;
    always @(posedge clock) begin
        accepted_last <= decide && why == 0 && !reset;
        if (decide && why != 1) begin
            if (why == 2) shut_out <= 1;
            else due <= number + 1;
            if (why == 0 && resync) shut_out <= 0;
        end
        if (reset) begin
            due <= 0;
            shut_out <= 1;
        end
    end

    // Records taken and not yet decided.
    reg [1:0] inside = 0;
    always @(posedge clock) inside <= reset ? 0 : inside + (in_valid & in_ready) - decide;

    // What the front keeps changes behind an accepted record only; a refused one moves the sequence alone.
    (* hierconn *) wire \instruments.ram$write_enable ;
    always @(*) if (begun) begin
        sequence: assert (expected$q == due && locked$q == shut_out);
        if (valid$q) assert (following$q == number + 32'd1);
        only_accepted: assert (!accepted$q || accepted_last);
        if (!accepted_last) begin
            table_stands: assert (!\instruments.ram$write_enable || clearing$q);
            steps_stand: assert (!tier_rules$write);
            settings_stand: assert (!settings$write);
            if (!reset) segments_stand: assert (segments_end$d == segments_end$q);
        end
        if (clearing$q) assert (!captured_valid$q && !valid$q);
        nothing_lost: assert (inside == captured_valid$q + valid$q);
        enters: assert (!decide || valid$q);
        // Each decision gives one command: itself, or lane 0's answer with the first reason.
        if (decide & ~reset) begin
            answers: assert (out_valid$d == !(why == 0 && is_silent) && out_record$d == record$q);
            if (why != 0) refuses: assert (out_kind$d == Kind$Refuse && out_reason$d == why && out_lane$d == 0 && !out_broadcast$d);
            else passes: assert (out_kind$d == kind$q);
        end
        // A command stands until it is taken.
        if (command_valid & ~command_ready & ~reset)
            stands: assert (out_valid$d && {out_record$d, out_row$d, out_kind$d, out_reason$d, out_word$d, out_lane$d, out_broadcast$d}
                == {command_record, command_row, command_kind, command_reason, command_word, command_lane, command_broadcast});
    end
    always @(posedge clock) if (begun && $past(begun) && $past(!reset && !accepted_last))
        settings_are_the_same: assert (settings$settings == $past(settings$settings));
