    // The specification, in plain signed numbers: the word comes first, its changes a clock behind.
    reg signed [87:0] equity_1, requirement_1;
    reg signed [86:0] offset_1;
    reg [266:0] word_before, word_then;
    reg loads_1, sets_offset_1;
    wire signed [89:0] equity_from = loads_1 ? 90'sd0 : equity_1;
    wire signed [89:0] requirement_from = loads_1 ? 90'sd0 : requirement_1;
    wire signed [89:0] offset_to = sets_offset_1 ? $signed(requirement_change) : {{3{offset_1[86]}}, offset_1};
    reg signed [89:0] equity_to, requirement_to, effective_to;
    reg [86:0] offset_then;
    reg [1:0] begun = 0;
    // A record is no LOAD and OFFSET at once.
    always @(*) assume (!(loads && sets_offset));
    always @(posedge clock) begin
        equity_1 <= word[87:0];
        requirement_1 <= word[175:88];
        offset_1 <= word[262:176];
        loads_1 <= loads;
        sets_offset_1 <= sets_offset;
        equity_to <= equity_from + $signed(equity_change);
        requirement_to <= sets_offset_1 ? requirement_from : requirement_from + $signed(requirement_change);
        effective_to <= (sets_offset_1 ? requirement_from : requirement_from + $signed(requirement_change)) + offset_to;
        offset_then <= offset_to[86:0];
        word_before <= word;
        word_then <= word_before;
        if (begun < 2) begun <= begun + 1;
        if (begun == 2) begin
            adds_equity: assert (equity == equity_to);
            adds_requirement: assert (requirement == requirement_to);
            adds_offset: assert (effective == effective_to);
            keeps: assert (offset == offset_then && stored == word_then);
        end
    end
