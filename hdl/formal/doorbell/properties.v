    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    // One value at a time, as the slave gives them. The limit goes forward only, and is at most 2^31 ahead of the index.
    always @(*) assume (!rung || !measured$q & !judged$q);
    wire [31:0] ahead = limit - index;
    reg [31:0] last_limit;
    wire [31:0] limit_step = limit - last_limit;
    reg [31:0] last_index;
    wire [31:0] moves = index - last_index;
    reg after_reset = 1;
    always @(posedge clock) begin
        last_limit <= limit;
        last_index <= index;
        after_reset <= reset;
    end
    always @(*) if (!reset) assume (ahead <= 32'h80000000);
    always @(*) if (!reset & !after_reset) assume (limit_step < 32'h80000000);

    // The value in judgement, and how far it and the limit were ahead when it was rung.
    reg [31:0] its_value, its_step, its_limit;
    always @(posedge clock) if (rung) begin
        its_value <= value;
        its_step <= value - index;
        its_limit <= ahead;
    end

    always @(posedge clock) if (begun) begin
        exclude: assert (!(accepted & refused));
        if ($past(begun)) one_verdict: assert ((accepted | refused) == ($past(rung & ~reset, 2) & $past(~reset)));
        if (accepted & ~reset) within: assert (its_value - index <= ahead);
        if (accepted) rightly: assert (its_step <= its_limit);
        if (refused) wrongly: assert (its_step > its_limit);
        if ($past(~reset)) begin
            forward: assert (moves <= $past(ahead));
            if ($past(accepted)) goes: assert (index == $past(its_value));
            else stays: assert (moves == 0);
        end

        // For the induction.
        assert (!(measured$q & judged$q));
        if (measured$q | judged$q) begin
            assert (wanted$q == its_value && its_step == its_value - index);
            if (!reset & !after_reset) assert (its_limit <= ahead);
        end
        if (measured$q) assert (step$q == its_step && step_max$q == its_limit);
        if (judged$q) assert (is_good$q == (its_step <= its_limit));
    end
