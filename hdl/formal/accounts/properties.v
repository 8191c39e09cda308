    // One account, any.
    (* hierconn *) wire [1:0] \accounts.ram.place ;
    (* hierconn *) wire [287:0] \accounts.ram.word ;
    wire [13:0] place = \accounts.ram.place ;
    always @(*) assume (read_row < 4 && write_row < 4 && clear_row < 4);
    // RAM is cleared while nothing else happens, and every read counts.
    always @(*) assume (read && !(write && clear));
    reg begun = 0;
    always @(*) assume (begun || !write);

    // What was last written there, as it was encoded a clock before its write.
    reg [287:0] encoded_then;
    wire writes = write && write_row == place;
    wire clears = clear && clear_row == place;
    reg known = 0;
    reg [287:0] latest;
    always @(posedge clock) begin
        encoded_then <= {high_encoder$check, 3'b0, write_word[266:135], low_encoder$check, write_word[134:0]};
        if (writes | clears) begin
            known <= 1;
            latest <= clears ? 288'd0 : encoded_then;
        end
    end

    // A read finds it, unless it is written in that same clock: the RAM then gives anything (proof `hazards`: nobody asks).
    reg due_1 = 0, due_2 = 0;
    reg [287:0] expected_1, expected_2;
    reg begun = 0;
    always @(posedge clock) begin
        begun <= 1;
        due_1 <= begun && read_row == place && known && !writes && !clears;
        due_2 <= due_1;
        expected_1 <= latest;
        expected_2 <= expected_1;
        if (due_2) latest_read: assert ({high$word, low$word} == expected_2);
        put_right: assert (word == {high$data[131:0], low$data});
        told: assert (corrected == (low$corrected | high$corrected) && uncorrectable == (low$uncorrectable | high$uncorrectable));
        if (known) assert (\accounts.ram.word == latest);
    end
