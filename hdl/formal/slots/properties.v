    // One slot, any.
    (* hierconn *) wire [1:0] \slots.ram.place ;
    (* hierconn *) wire [143:0] \slots.ram.word ;
    wire [16:0] place = \slots.ram.place ;
    always @(*) assume (read_place < 4 && write_place < 4 && clear_place < 4);
    // RAM is cleared while nothing else happens, and every read counts.
    always @(*) assume (read && !(write && clear));
    reg begun = 0;
    always @(*) assume (begun || !write);

    // What was last written there, as it was encoded a clock before its write.
    reg [143:0] encoded_then;
    wire writes = write && write_place == place;
    wire clears = clear && clear_place == place;
    reg known = 0;
    reg [143:0] latest;
    always @(posedge clock) begin
        encoded_then <= {encoder$check, write_word};
        if (writes | clears) begin
            known <= 1;
            latest <= clears ? 144'd0 : encoded_then;
        end
    end

    // A read finds it, though it be written in that same clock.
    reg due_1 = 0, due_2 = 0;
    reg [143:0] expected_1, expected_2;
    reg begun = 0;
    always @(posedge clock) begin
        begun <= 1;
        due_1 <= begun && read_place == place && (known || writes) && !clears;
        due_2 <= due_1;
        expected_1 <= writes ? encoded_then : latest;
        expected_2 <= expected_1;
        if (due_2) latest_read: assert (decoder$word == expected_2);
        put_right: assert (word == decoder$data && corrected == decoder$corrected && uncorrectable == decoder$uncorrectable);
        if (known) assert (\slots.ram.word == latest);
    end
