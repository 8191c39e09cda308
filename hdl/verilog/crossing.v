// Crossings between two clocks, plain Verilog for every target. Wherever a signal crosses, it crosses in one of these.

// A level, two registers deep. It may be seen a clock late, never half.
module backstop_crossing_bit (
    input wire clock,
    input wire level,
    output wire seen
);
    (* ASYNC_REG = "TRUE", keep = "true" *) reg [1:0] stages = 2'b00;
    always @(posedge clock) stages <= {stages[0], level};
    assign seen = stages[1];
endmodule

// A word that changes slowly or at any pace: the receiver sees some value that it had, whole. A new one takes a round of both clocks.
module backstop_crossing_word #(
    parameter WIDTH = 32
) (
    input wire from_clock,
    input wire [WIDTH-1:0] word,
    input wire to_clock,
    output reg [WIDTH-1:0] seen
);
    reg [WIDTH-1:0] held = {WIDTH{1'b0}};
    reg sent = 1'b0;
    reg taken = 1'b0;
    wire sent_seen, taken_seen;

    backstop_crossing_bit there (.clock(to_clock), .level(sent), .seen(sent_seen));
    backstop_crossing_bit back (.clock(from_clock), .level(taken), .seen(taken_seen));
    initial seen = {WIDTH{1'b0}};

    always @(posedge from_clock) begin
        if (sent == taken_seen) begin
            held <= word;
            sent <= !sent;
        end
    end
    always @(posedge to_clock) begin
        if (taken != sent_seen) begin
            seen <= held;
            taken <= sent_seen;
        end
    end
endmodule

// A stream: a queue of 2^DEPTH_LOG words whose pointers cross in Gray code. Each side has its reset, and both must be in reset together
// before either is used.
module backstop_crossing_stream #(
    parameter WIDTH = 256,
    parameter DEPTH_LOG = 4
) (
    input wire in_clock,
    input wire in_reset,
    input wire [WIDTH-1:0] in_data,
    input wire in_valid,
    output wire in_ready,
    input wire out_clock,
    input wire out_reset,
    output reg [WIDTH-1:0] out_data,
    output reg out_valid,
    input wire out_ready
);
    localparam POINTER = DEPTH_LOG + 1;

    reg [WIDTH-1:0] cells [0:(1<<DEPTH_LOG)-1];
    reg [POINTER-1:0] tail, tail_gray, head, head_gray;
    wire [POINTER-1:0] tail_seen, head_seen;
    wire [POINTER-1:0] tail_next = tail + 1'b1;
    wire [POINTER-1:0] head_next = head + 1'b1;

    genvar i;
    generate
        for (i = 0; i < POINTER; i = i + 1) begin : pointer
            backstop_crossing_bit tail_bit (.clock(out_clock), .level(tail_gray[i]), .seen(tail_seen[i]));
            backstop_crossing_bit head_bit (.clock(in_clock), .level(head_gray[i]), .seen(head_seen[i]));
        end
    endgenerate

    // Full: the tail is a whole round ahead, which in Gray code is the head with its two upper bits turned.
    wire full = tail_gray == {~head_seen[POINTER-1:POINTER-2], head_seen[POINTER-3:0]};
    assign in_ready = !full && !in_reset;
    always @(posedge in_clock) begin
        if (in_valid && in_ready) begin
            cells[tail[DEPTH_LOG-1:0]] <= in_data;
            tail <= tail_next;
            tail_gray <= tail_next ^ (tail_next >> 1);
        end
        if (in_reset) begin
            tail <= {POINTER{1'b0}};
            tail_gray <= {POINTER{1'b0}};
        end
    end

    wire some = head_gray != tail_seen;
    wire takes = some && (!out_valid || out_ready);
    always @(posedge out_clock) begin
        if (out_ready) out_valid <= 1'b0;
        if (takes) begin
            out_data <= cells[head[DEPTH_LOG-1:0]];
            out_valid <= 1'b1;
            head <= head_next;
            head_gray <= head_next ^ (head_next >> 1);
        end
        if (out_reset) begin
            head <= {POINTER{1'b0}};
            head_gray <= {POINTER{1'b0}};
            out_valid <= 1'b0;
        end
    end
endmodule
