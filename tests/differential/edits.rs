//! The edits: what a slip of the hand in the gateware would look like in its Verilog.

use super::{Mutant, mutant};

const FRONT: &str = "backstop_machine$front";
const STATE_CHECK: &str = "backstop_machine$front$state_check";
const TIER_RULES: &str = "backstop_machine$front$tier_rules";
const LANE: &str = "backstop_lane";
const INTERLOCK: &str = "backstop_lane$interlock";
const PIPELINE: &str = "backstop_lane$pipeline";
const COMPARATOR: &str = "backstop_lane$pipeline$comparator";
const EQUITY: &str = "backstop_lane$pipeline$equity_change";
const OUTCOME: &str = "backstop_lane$pipeline$outcome_check";
const REPORTER: &str = "backstop_lane$pipeline$reporter";
const REQUIREMENT: &str = "backstop_lane$pipeline$requirement";
const UPDATE: &str = "backstop_lane$pipeline$update";

pub const MUTANTS: &[Mutant] = &[
    mutant(
        "the comparison with rung_2 is turned round",
        COMPARATOR,
        "below_2$d = margin_2[32'h64];",
        "below_2$d = ~margin_2[32'h64];",
    ),
    mutant(
        "equality goes with the other comparison",
        COMPARATOR,
        "strict = ~settings[(64'h33)+:(1)];",
        "strict = settings[(64'h33)+:(1)];",
    ),
    mutant(
        "E = 0 is insolvent",
        COMPARATOR,
        "insolvent$d = equity_2$q[32'h57];",
        "insolvent$d = equity_2$q[32'h57] | ~|equity_2$q;",
    ),
    mutant("an account without requirement is compared", COMPARATOR, "if (requires_3$q) begin", "begin"),
    mutant("a negative R' is not cut to 0", COMPARATOR, "if (effective[32'h59]) begin", "if (1'b0) begin"),
    mutant(
        "the offset is ignored",
        UPDATE,
        "effective_base$d = requirement_wide$wide + offset_wide$wide;",
        "effective_base$d = requirement_wide$wide;",
    ),
    mutant(
        "the carry of E is cut at bit 64",
        UPDATE,
        "equity_sum$d = equity_base$q + equity_change;",
        "equity_sum$d = {equity_base$q[89:64] + equity_change[89:64], equity_base$q[63:0] + equity_change[63:0]};",
    ),
    mutant("an offset changes R", UPDATE, "if (sets_offset) begin", "if (1'b0) begin"),
    mutant(
        "E below the accumulator is not seen",
        OUTCOME,
        "((equity_top != 32'h0) & (equity_top != 32'h7))",
        "((equity_top != 32'h0) & ~equity_top[2])",
    ),
    mutant(
        "a bad account is updated",
        OUTCOME,
        "executes = (readable & ~stopped_bad)",
        "executes = (readable)",
    ),
    mutant(
        "a sweep marks no account bad",
        OUTCOME,
        "result$d[(64'h8)+:(1)] = account_fails | (overflows & beat[(64'h3e)+:(1)]);",
        "result$d[(64'h8)+:(1)] = account_fails;",
    ),
    mutant(
        "an account follows itself too soon",
        INTERLOCK,
        "hits$12$d = rows$11$q == asked;",
        "hits$12$d = 1'b0;",
    ),
    mutant("reset leaves the accounts", PIPELINE, "accounts$clear = clear;", "accounts$clear = 1'b0;"),
    mutant(
        "a sweep does not see an account again",
        PIPELINE,
        "squashes = guard$repeated &",
        "squashes = 1'b0 &",
    ),
    mutant("a stranger may trade in a slot", PIPELINE, "if (foreign) begin", "if (1'b0) begin"),
    mutant(
        "the stored requirement is not written",
        PIPELINE,
        "slot_written[(64'h37)+:(80)] = requirement_12$q;",
        "slot_written[(64'h37)+:(80)] = 80'd0;",
    ),
    mutant(
        "a receipt counts bad accounts",
        PIPELINE,
        "if (beats$15$q[(64'h3e)+:(1)] & outcome_15$q[(64'h0)+:(1)]) begin",
        "if (beats$15$q[(64'h3e)+:(1)]) begin",
    ),
    mutant(
        "a read-back loses the sign of a size",
        PIPELINE,
        "if (shown$q[(64'h36)+:(1)]) begin",
        "if (1'b0) begin",
    ),
    mutant(
        "the weights of a slot are swapped",
        PIPELINE,
        "if (slots$word[(64'h36)+:(1)]) begin",
        "if (~slots$word[(64'h36)+:(1)]) begin",
    ),
    mutant(
        "a flag does not say E above bit 80",
        REPORTER,
        "record[23:16] <= equity[87:80];",
        "record[23:16] <= {8{equity[79]}};",
    ),
    mutant(
        "a retracted value is one too small",
        EQUITY,
        "((slot_negatives$2$q) << (32'h1))",
        "((1'b0) << (32'h1))",
    ),
    mutant("cash loses its sign", EQUITY, "if (cash_negatives$2$q) begin", "if (1'b0) begin"),
    mutant(
        "the floor of tier 7 is exclusive",
        "backstop_lane$pipeline$requirement$tiers$steps$7",
        "(notional >= floor$q)",
        "(notional > floor$q)",
    ),
    mutant(
        "tier 15 is never reached",
        "backstop_lane$pipeline$requirement$tiers$steps$15",
        "is_reached$d = counts$q & (notional >= floor$q);",
        "is_reached$d = 1'b0;",
    ),
    mutant(
        "a commit charges by the even bank alone",
        "backstop_lane$pipeline$requirement$tiers",
        "charges$read_address = (((charge_bank) & 9'h1ff) << 32'h4)",
        "charges$read_address = (((charge_bank) & 9'h1fe) << 32'h4)",
    ),
    mutant(
        "the deduction is ignored in the change of R",
        REQUIREMENT,
        "lowered = stored + ((deduction$q) & 90'h3ffffffffffffffffffffff);",
        "lowered = stored;",
    ),
    mutant(
        "a held record is compared",
        LANE,
        "touches$q & ~(hold | (kind$q == Kind$ReadAccount))",
        "touches$q & ~(kind$q == Kind$ReadAccount)",
    ),
    mutant(
        "nothing waits for an empty pipeline",
        LANE,
        "if ((valid$q & alone$q) & (pipeline$empty & fifo$room)) begin",
        "if ((valid$q & alone$q) & fifo$room) begin",
    ),
    mutant(
        "a MOVE leaves the count",
        LANE,
        "counts$set_count$settling = slot[(32'h0)+:(18)];",
        "counts$set_count$settling = slot[(32'h0)+:(18)] + 18'd1;",
    ),
    mutant(
        "a stranger may move a slot",
        LANE,
        "((pipeline$slot[(64'h0)+:(14)] != row$q) | ~to_empty$q)",
        "(~to_empty$q)",
    ),
    mutant(
        "a SETTING's walk leaves out the first account",
        LANE,
        "if (~hold) begin\n                                start$d = 1'b1;",
        "if (~hold) begin\n                                index$d = 32'h1;\n                                start$d = 1'b1;",
    ),
    mutant(
        "the output queue has no reserve",
        "backstop_lane$fifo",
        "below_reserve$d = count$q < 32'h28;",
        "below_reserve$d = 1'b1;",
    ),
    mutant(
        "the top bit of the number is not checked",
        FRONT,
        "(fields$number != expected$q)",
        "(fields$number[30:0] != expected$q[30:0])",
    ),
    mutant("the lock is ignored", FRONT, "shut = ~free & locked$q;", "shut = 1'b0;"),
    mutant(
        "a commit's segment may overlap the last",
        FRONT,
        "(state_check$segment_end > segments_end$q)",
        "1'b0",
    ),
    mutant(
        "rung_3 may rise above rung_2",
        STATE_CHECK,
        "((next_1 < next_2) | (next_2 < next_3))",
        "(next_1 < next_2)",
    ),
    mutant(
        "a commit does not ask for its steps",
        STATE_CHECK,
        "missing = wanted$q & ~word[(64'hca)+:(16)];",
        "missing = 16'd0;",
    ),
    mutant("the most negative size passes", STATE_CHECK, "(size_negative$q & ~|size_full)", "1'b0"),
    mutant(
        "floors may stand still",
        TIER_RULES,
        "(given$settling[(64'h0)+:(59)] > lower$q[(64'h0)+:(59)])",
        "(given$settling[(64'h0)+:(59)] >= lower$q[(64'h0)+:(59)])",
    ),
    mutant(
        "a step forgets its upper neighbour",
        TIER_RULES,
        "rises = (kept | found) | found_upper;",
        "rises = (kept | found) | mask_upper;",
    ),
];
