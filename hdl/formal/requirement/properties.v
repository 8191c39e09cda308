    // One bank, any, is read, and TIER writes to another: the shadow bank.
    (* anyconst *) reg [1:0] bank;
    (* anyconst *) reg [3:0] tier;
    always @(*) assume (!write || write_bank[1:0] != bank);

    // Its floors, and the charge of one of its tiers.
    wire [58:0] floors [0:15];
    (* hierconn *) wire [1:0] \tiers.steps$0.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$0.floors.ram.word ;
    assign floors[0] = \tiers.steps$0.floors.ram.word ;
    always @(*) assume (\tiers.steps$0.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$1.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$1.floors.ram.word ;
    assign floors[1] = \tiers.steps$1.floors.ram.word ;
    always @(*) assume (\tiers.steps$1.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$2.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$2.floors.ram.word ;
    assign floors[2] = \tiers.steps$2.floors.ram.word ;
    always @(*) assume (\tiers.steps$2.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$3.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$3.floors.ram.word ;
    assign floors[3] = \tiers.steps$3.floors.ram.word ;
    always @(*) assume (\tiers.steps$3.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$4.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$4.floors.ram.word ;
    assign floors[4] = \tiers.steps$4.floors.ram.word ;
    always @(*) assume (\tiers.steps$4.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$5.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$5.floors.ram.word ;
    assign floors[5] = \tiers.steps$5.floors.ram.word ;
    always @(*) assume (\tiers.steps$5.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$6.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$6.floors.ram.word ;
    assign floors[6] = \tiers.steps$6.floors.ram.word ;
    always @(*) assume (\tiers.steps$6.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$7.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$7.floors.ram.word ;
    assign floors[7] = \tiers.steps$7.floors.ram.word ;
    always @(*) assume (\tiers.steps$7.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$8.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$8.floors.ram.word ;
    assign floors[8] = \tiers.steps$8.floors.ram.word ;
    always @(*) assume (\tiers.steps$8.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$9.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$9.floors.ram.word ;
    assign floors[9] = \tiers.steps$9.floors.ram.word ;
    always @(*) assume (\tiers.steps$9.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$10.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$10.floors.ram.word ;
    assign floors[10] = \tiers.steps$10.floors.ram.word ;
    always @(*) assume (\tiers.steps$10.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$11.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$11.floors.ram.word ;
    assign floors[11] = \tiers.steps$11.floors.ram.word ;
    always @(*) assume (\tiers.steps$11.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$12.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$12.floors.ram.word ;
    assign floors[12] = \tiers.steps$12.floors.ram.word ;
    always @(*) assume (\tiers.steps$12.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$13.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$13.floors.ram.word ;
    assign floors[13] = \tiers.steps$13.floors.ram.word ;
    always @(*) assume (\tiers.steps$13.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$14.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$14.floors.ram.word ;
    assign floors[14] = \tiers.steps$14.floors.ram.word ;
    always @(*) assume (\tiers.steps$14.floors.ram.place == bank);
    (* hierconn *) wire [1:0] \tiers.steps$15.floors.ram.place ;
    (* hierconn *) wire [58:0] \tiers.steps$15.floors.ram.word ;
    assign floors[15] = \tiers.steps$15.floors.ram.word ;
    always @(*) assume (\tiers.steps$15.floors.ram.place == bank);
    (* hierconn *) wire [5:0] \tiers.charges.ram.place ;
    (* hierconn *) wire [98:0] \tiers.charges.ram.word ;
    always @(*) assume (\tiers.charges.ram.place == {bank, tier});
    wire [19:0] rate = \tiers.charges.ram.word [19:0];
    wire [78:0] tier_deduction = \tiers.charges.ram.word [98:20];

    // What the multiplier is given, and what it makes of it.
    (* hierconn *) wire [58:0] \rows.product_rows.left_factor ;
    (* hierconn *) wire [19:0] \rows.product_rows.right_factor ;
    (* hierconn *) wire [89:0] \rows.product_rows.product ;
    always @(*) assume (\rows.product_rows.left_factor != 0 || \rows.product_rows.product == 0);

    // The specification: the last tier whose floor is at most the notional, of a table that a commit let pass.
    reg [4:0] steps_count;
    always @(posedge clock) steps_count <= count;
    reg [3:0] specified;
    reg table_is_good;
    integer step_;
    always @(*) begin
        specified = 0;
        table_is_good = floors[0] == 0 && steps_count >= 1 && steps_count <= 16;
        for (step_ = 1; step_ < 16; step_ = step_ + 1) if (step_ < steps_count) begin
            if (floors[step_] <= floors[step_-1]) table_is_good = 0;
            if (floors[step_] <= notional) specified = step_;
        end
    end
    // Clock 0 is that of the notional.
    reg [3:0] begun = 0;
    reg due_1, due_2, due_3, due_4, due_5;
    reg [58:0] notional_1, notional_2, notional_3, notional_4;
    reg [89:0] product_5, stored_4, injected_4, stored_5, injected_5;
    reg reprices_4, reprices_5;
    always @(posedge clock) begin
        if (begun < 8) begun <= begun + 1;
        due_1 <= begun >= 2 && $past(floor_bank[1:0], 2) == bank && table_is_good && specified == tier;
        due_2 <= due_1 && charge_bank[1:0] == bank;
        due_3 <= due_2;
        due_4 <= due_3 && (reprices || notional_3 == 0);
        due_5 <= due_4;
        notional_1 <= notional;
        notional_2 <= notional_1;
        notional_3 <= notional_2;
        notional_4 <= notional_3;
        stored_4 <= stored;
        injected_4 <= injected;
        reprices_4 <= reprices;
        stored_5 <= stored_4;
        injected_5 <= injected_4;
        reprices_5 <= reprices_4;
        product_5 <= \rows.product_rows.product ;
        if (begun == 8 && due_4)
            notional_by_rate: assert (\rows.product_rows.left_factor == notional_4 && \rows.product_rows.right_factor == rate);
        if (begun == 8 && due_5) begin
            less_deduction: assert (!reprices_5 || requirement == product_5[79:0] - tier_deduction);
            changes: assert (change == (reprices_5 ? product_5 - tier_deduction - stored_5 : injected_5));
        end
    end
