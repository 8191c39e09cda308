    reg begun = 0;
    always @(posedge clock) begun <= 1;
    always @(*) if (!begun) assume (reset);

    wire takes_0 = valid$0 & ready$0;
    wire takes_1 = valid$1 & ready$1;
    wire pops = out_valid & out_ready;
    // Answers of the other lane that left while one of this lane stood there, output ready.
    reg [1:0] waited_0 = 0;
    reg [1:0] waited_1 = 0;
    always @(posedge clock) begin
        waited_0 <= reset | takes_0 | ~valid$0 | is_echo$0 ? 0 : waited_0 + takes_1;
        waited_1 <= reset | takes_1 | ~valid$1 | is_echo$1 ? 0 : waited_1 + takes_0;
    end

    // What is taken is what is held next, and nothing is taken while what is held stays.
    always @(posedge clock) begin
        one_or_the_echo: assert (!(takes_0 & takes_1) || is_echo$0 & is_echo$1);
        whole_echo: assert (!(takes_0 & is_echo$0 | takes_1 & is_echo$1) || takes_0 & takes_1);
        room: assert (!(takes_0 | takes_1) || ~out_valid | pops);
        ready_for_no_one: assert (!(ready$0 & ~valid$0 | ready$1 & ~valid$1));
        goes_on: assert (!(~out_valid | pops) || !(valid$0 & ~is_echo$0 | valid$1 & ~is_echo$1) || takes_0 | takes_1);
        joins: assert (!(~out_valid | pops) || !(valid$0 & is_echo$0 & valid$1 & is_echo$1) || takes_0 & takes_1);
        fair: assert (waited_0 <= 1 && waited_1 <= 1);
        if (waited_0 != 0) assert (turn$q == 1);
        if (waited_1 != 0) assert (turn$q == 0);
        if (begun & $past(~reset)) begin
            if ($past(takes_0)) first: assert (out_valid && out_record == $past(record$0));
            if ($past(takes_1 & ~is_echo$1)) second: assert (out_valid && out_record == $past(record$1));
            if ($past(out_valid & ~out_ready)) stands: assert (out_valid && out_record == $past(out_record));
            if ($past(~takes_0 & ~takes_1 & (pops | ~out_valid))) not_invented: assert (~out_valid);
        end
    end
