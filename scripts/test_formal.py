"""Tests of what scripts/formal.py does to the Verilog and makes of a log; no tool runs.

    python3 -m unittest discover -s scripts
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import formal

DESIGN = """module top$a(x);
    assign x = 1'b1;
endmodule // top$a
module top$a$b(x);
    assign x = 1'b1;
endmodule // top$a$b
module top$ab(x);
    assign x = 1'b1;
endmodule // top$ab
"""


def proof(**values):
    return formal.Proof(
        **{"name": "p", "says": "", "widths": "", "depth": 3, "top": "top$a", "properties": "// here\n", "sources": []}
        | values
    )


class Text(unittest.TestCase):
    def test_the_module_and_those_in_it_are_taken_and_the_properties_stand_before_its_end(self):
        text = formal.text(proof(), None, DESIGN)
        self.assertNotIn("top$ab", text)
        self.assertIn("module top$a$b(", text)
        self.assertIn("1'b1;\n// here\nendmodule // top$a\n", text)

    def test_a_module_of_its_own_stands_beside_what_it_uses(self):
        own = proof(top="own", uses=["top$ab"], properties="module own(y);\nendmodule\n")
        text = formal.text(own, None, DESIGN)
        self.assertEqual(len(re.findall("^module ", text, re.MULTILINE)), 2)
        self.assertTrue(text.endswith("module own(y);\nendmodule\n"))

    def test_a_mutant_edits_its_module_alone_and_must_match_once(self):
        mutant = formal.Mutant("m", "top$a$b", "1'b1", "1'b0")
        text = formal.text(proof(), mutant, DESIGN)
        self.assertEqual((text.count("1'b1"), text.count("1'b0")), (1, 1))
        for module, find in (("top$a", "1'b0"), ("top$a", "x"), ("top$c", "1'b1")):
            with self.assertRaises(ValueError):
                formal.text(proof(), formal.Mutant("m", module, find, ""), DESIGN)

    def test_the_narrow_limbs_replace_the_devices(self):
        text = formal.text(proof(sources=["hdl/verilog/portable.v"], limbs=[3, 2]), None, DESIGN)
        self.assertIn("`define BACKSTOP_LIMB_WIDE 3\n`define BACKSTOP_LIMB_NARROW 2\n", text)


class Judge(unittest.TestCase):
    def test_a_proof_must_pass(self):
        self.assertTrue(formal.judge("DONE (PASS, rc=0)", False, 1).passed)
        for log in ("DONE (FAIL, rc=2)", "DONE (UNKNOWN, rc=4)", "DONE (TIMEOUT, rc=8)", "DONE (ERROR, rc=16)", ""):
            self.assertFalse(formal.judge(log, False, 1).passed, log)

    def test_a_mutant_must_fail_an_assertion_and_not_by_an_error(self):
        log = "Checking assertions in step 3..\nChecking assertions in step 4..\nAssert failed in m: x\nDONE (FAIL, rc=2)"
        self.assertEqual(formal.judge(log, True, 1), formal.Result(True, "fails at clock 4", 1))
        for log in ("DONE (PASS, rc=0)", "DONE (UNKNOWN, rc=4)", "DONE (TIMEOUT, rc=8)", "DONE (ERROR, rc=16)", ""):
            self.assertFalse(formal.judge(log, True, 1).passed, log)


class Proofs(unittest.TestCase):
    def test_every_proof_is_well_formed_and_has_mutants(self):
        proofs = formal.load(formal.PROOFS)
        self.assertGreater(len(proofs), 10)
        for found in proofs:
            names = [mutant.name for mutant in found.mutants]
            self.assertEqual(len(names), len(set(names)), found.name)


if __name__ == "__main__":
    unittest.main()
