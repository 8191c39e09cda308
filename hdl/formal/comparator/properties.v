    // The settings stand still while accounts are under way.
    (* anyconst *) reg [51:0] standing;
    always @(*) assume (settings == standing);
    wire [9:0] rung_1 = standing[30:21];
    wire [9:0] rung_2 = standing[40:31];
    wire [9:0] rung_3 = standing[50:41];
    wire equality = standing[51];
    // R is below 2^87 and an offset below 2^86.
    always @(*) assume (effective[89] || !effective[88]);

    // What the multipliers are given, and what they make of it.
    (* hierconn *) wire [87:0] \line_1.product_rows.left_factor ;
    (* hierconn *) wire [87:0] \line_2.product_rows.left_factor ;
    (* hierconn *) wire [87:0] \line_3.product_rows.left_factor ;
    (* hierconn *) wire [9:0] \line_1.product_rows.right_factor ;
    (* hierconn *) wire [9:0] \line_2.product_rows.right_factor ;
    (* hierconn *) wire [9:0] \line_3.product_rows.right_factor ;
    (* hierconn *) wire [97:0] \line_1.product_rows.product ;
    (* hierconn *) wire [97:0] \line_2.product_rows.product ;
    (* hierconn *) wire [97:0] \line_3.product_rows.product ;

    // The specification, in plain signed numbers.
    reg signed [87:0] equity_before, equity_then;
    reg signed [89:0] effective_before, effective_then;
    wire [87:0] requirement_then = effective_then > 0 ? effective_then[87:0] : 88'd0;
    wire signed [99:0] scaled_equity = $signed({{12{equity_then[87]}}, equity_then}) * 100'sd256;
    wire signed [99:0] due_1 = $signed({2'b0, \line_1.product_rows.product });
    wire signed [99:0] due_2 = $signed({2'b0, \line_2.product_rows.product });
    wire signed [99:0] due_3 = $signed({2'b0, \line_3.product_rows.product });
    reg [2:0] specified;
    reg [1:0] begun = 0;
    always @(posedge clock) begin
        equity_before <= equity;
        equity_then <= equity_before;
        effective_before <= effective;
        effective_then <= effective_before;
        if (equity_then < 0) specified <= 4;
        else if (requirement_then == 0) specified <= 0;
        else if (scaled_equity < due_3 || equality && scaled_equity == due_3) specified <= 3;
        else if (scaled_equity < due_2 || equality && scaled_equity == due_2) specified <= 2;
        else if (scaled_equity < due_1 || equality && scaled_equity == due_1) specified <= 1;
        else specified <= 0;
        if (begun < 3) begun <= begun + 1;
        if (begun >= 2) begin
            clamped_once: assert (\line_1.product_rows.left_factor == requirement_then);
            clamped_twice: assert (\line_2.product_rows.left_factor == requirement_then);
            clamped_thrice: assert (\line_3.product_rows.left_factor == requirement_then);
            by_rung_1: assert (\line_1.product_rows.right_factor == rung_1);
            by_rung_2: assert (\line_2.product_rows.right_factor == rung_2);
            by_rung_3: assert (\line_3.product_rows.right_factor == rung_3);
        end
        if (begun == 3) verdict: assert (severity == specified);
    end
