"""The translator: MQL's own ways in C++, errors where they are, and a subset that is guarded."""

import csv
import re
from pathlib import Path
from typing import Final

import pytest

from ea.host.build import CORE, BuildError, Options, build, compiler
from ea.host.foreign import report, try_program
from ea.host.translator.calls import TABLE, functions
from ea.host.translator.translate import translate
from tests.ea.probes import PROGRAMS, run

SHIM: Final = Path(TABLE).parent / "shim"
HEAD: Final = "#property strict\n"
SAID: Final = """\
9 10
2 RED_ONE 7
flat 5 6 of 3
2020.01.02 03:04:00 true 1.5
65535 -1 255
c2 a=b
A0 B1
2 1.5 3
x=10 y=-3
kid virtual 4
"""


def messages(source: str, folder: Path, *, name: str = "Program.mq4", language: int = 4) -> list[str]:
    """The errors of a source, as "line: message"."""
    path = folder / name
    path.write_text(source, encoding="utf-8")
    found = translate(path, language=language, folders=[CORE]).errors
    assert all(error.file == str(path) for error in found)
    return [f"{error.line}: {error.message}" for error in found]


@pytest.mark.compiles
def test_a_program_does_in_cpp_what_it_does_in_mql(tmp_path: Path) -> None:
    done = run("LanguageProbe", tmp_path, environment={"MQL_INPUT_Lots": "1.5"})
    assert done.stdout == SAID
    assert done.returncode == 0


@pytest.mark.compiles
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("index", "array out of range (5 of 2)"), ("row", "array out of range (2 of 2)"),
        ("pointer", "invalid pointer"),
        ("format", "a string for a number's format"),
    ],
)  # fmt: skip
def test_what_is_a_critical_error_in_the_terminal_ends_the_program_here(fault: str, says: str, tmp_path: Path) -> None:
    done = run("LanguageProbe", tmp_path, environment={"MQL_INPUT_Fault": fault})
    assert f"CRITICAL ERROR: {says}" in done.stdout
    assert done.returncode == 4


@pytest.mark.compiles
def test_the_compiler_tells_the_line_of_the_mql_source(tmp_path: Path) -> None:
    path = tmp_path / "Wrong.mq4"
    path.write_text(HEAD + "void OnStart()\n  {\n   int a=1;\n   a=Undeclared+1;\n  }\n")
    with pytest.raises(BuildError, match=re.escape(f"{path}:5:")):
        build(path)


@pytest.mark.parametrize("language", [4, 5])
@pytest.mark.parametrize("path", sorted(CORE.glob("*.mqh")), ids=lambda path: path.name)
def test_every_file_of_the_core_stands_alone_and_is_in_the_subset_of_both_languages(path: Path, language: int) -> None:
    assert translate(path, language=language, folders=[CORE]).errors == ()


@pytest.mark.compiles
@pytest.mark.parametrize("language", [4, 5])
def test_the_core_compiles_in_both_languages_without_a_warning(language: int, tmp_path: Path) -> None:
    path = tmp_path / f"All.mq{language}"
    includes = "".join(f"#include <{core.name}>\n" for core in sorted(CORE.glob("*.mqh")))
    path.write_text(f"{HEAD}{includes}void OnStart()\n  {{\n  }}\n")
    assert build(path, Options(language=language)).exists()


# The table of functions --------------------------------------------------------------------------------------------


def test_the_shim_has_every_function_that_the_table_says_it_has_and_no_other() -> None:
    text = "".join(re.sub(r"//[^\n]*", "", path.read_text()) for path in SHIM.glob("*.hpp"))
    there = set(re.findall(r"\b([A-Za-z]\w*)\s*\(", text)) | {"MathMin", "MathMax"} | set(_values(text))
    given = {one.name for one in functions().values() if one.shim != "no"}
    assert given - there == set()
    absent = {one.name for one in functions().values() if one.shim == "no"}
    assert absent & set(re.findall(r"^\w[\w<>: ]* \**([A-Z]\w*)\(", text, re.MULTILINE)) == set()


def _values(text: str) -> list[str]:
    """Bid and the like, which may be called as well."""
    return re.findall(r"static const mql_\w+(?:<[^>]*>)? (\w+)", text)


def test_the_table_is_sorted_and_says_of_each_function_where_it_exists() -> None:
    with TABLE.open(newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = [row["name"] for row in rows]
    assert names == sorted(set(names))
    assert {(row["mql4"], row["mql5"]) for row in rows} == {("y", "y"), ("y", "n"), ("n", "y")}
    assert {row["shim"] for row in rows} == {"yes", "part", "no"}


@pytest.mark.parametrize(
    ("call", "language", "says"),
    [
        ("Invented(1);", 4, "unknown function Invented"),
        ("SocketCreate();", 4, "SocketCreate does not exist in MQL4"),
        ("MarketInfo(\"EURUSD\",MODE_BID);", 5, "MarketInfo does not exist in MQL5"),
        ("SignalSubscribe(1);", 4, "the shim has no SignalSubscribe"),
    ],
)  # fmt: skip
def test_a_function_that_is_not_there_is_told_at_its_line(call: str, language: int, says: str, tmp_path: Path) -> None:
    source = f"{HEAD}void OnStart()\n  {{\n   {call}\n  }}\n"
    assert messages(source, tmp_path, language=language) == [f"4: {says}"]


# The lint: one bad snippet a row ------------------------------------------------------------------------------------

BAD: Final = [
    ("auto a=1;", "auto is not MQL"),
    ("throw 1;", "throw is not MQL"),
    ("try { a(); }", "try is not MQL"),
    ("namespace x { }", "namespace is not MQL"),
    ("using x;", "using is not MQL"),
    ("goto end;", "MQL has no goto"),
    ("constexpr int a=1;", "constexpr is not MQL"),
    ("nullptr;", "nullptr is not MQL"),
    ("unsigned a=1;", "unsigned is not MQL"),
    ("mutable int a;", "mutable is not MQL"),
    ("volatile int a;", "volatile is not MQL"),
    ("static_cast;", "static_cast is not MQL"),
    ("reinterpret_cast;", "reinterpret_cast is not MQL"),
    ("const_cast;", "const_cast is not MQL"),
    ("inline int a;", "inline is not MQL"),
    ("friend int a;", "friend is not MQL"),
    ("noexcept;", "noexcept is not MQL"),
    ("decltype;", "decltype is not MQL"),
    ("wchar_t a;", "wchar_t is not MQL"),
    ("signed a;", "signed is not MQL"),
    ("asm;", "asm is not MQL"),
    ("explicit;", "explicit is not MQL"),
    ("p->x=1;", "MQL has no ->"),
    ("typedef int T;", "not in the subset"),
    ("union U { int a; };", "not in the subset"),
    ("Sleep(100);", "Sleep takes a number of at most 50 ms"),
    ("Sleep(Wait);", "Sleep takes a number of at most 50 ms"),
    ("OrderDelete(1);", "OrderDelete outside of Broker"),
    ("OrderClose(1,1,1,1);", "OrderClose outside of Broker"),
    ("OrderModify(1,1,1,1,0);", "OrderModify outside of Broker"),
    ("OrderSend(NULL,0,1,1,1,0,0);", "OrderSend outside of Broker"),
    ("Print(g_token);", "g_token is a secret"),
    ("Alert(AccountKey);", "AccountKey is a secret"),
    ('Comment("x",m_secret);', "m_secret is a secret"),
    ('FileOpen("a",FILE_COMMON|FILE_BIN);', "other terminals read the common folder"),
    ('string s="a"+NULL;', "NULL in a sum of strings"),
    ("int h=iATR(NULL,0,14,0);", "a handle in an int: MQL5 has 64 bits"),
    ("int *p;", "MQL has no pointers to built-in types"),
    ("int &a=b;", "MQL has no references but parameters"),
    ('GlobalVariableSet("a",1);', "variables of the terminal are no place for truth"),
    ("int n=AccountNumber();", "it changes under our feet: read Identity"),
    ("StringTrimLeft(s);", "another signature in MQL5"),
]


@pytest.mark.parametrize(("statement", "says"), BAD, ids=[statement for statement, _ in BAD])
def test_what_our_sources_may_not_say_is_refused(statement: str, says: str, tmp_path: Path) -> None:
    assert f"4: {says}" in messages(f"{HEAD}void OnStart()\n  {{\n   {statement}\n  }}\n", tmp_path)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("void OnStart() { }\n", "1: #property strict is missing"),
        (
            HEAD + "#define TWICE(x) (2*x)\nvoid OnStart() { }\n",
            "2: TWICE is a macro with parameters: write a function",
        ),
        (HEAD + "// \u00a3\nvoid OnStart() { }\n", "2: a byte that is not ASCII"),
        (HEAD + "void Take(int a[]) { }\n", "2: an array parameter is passed by reference (&)"),
        (
            HEAD + "#include <Nowhere.mqh>\nvoid OnStart() { }\n",
            "2: include not found: Nowhere.mqh (put it beside the program, or into a folder Include)",
        ),
        (HEAD + "#pragma once\nvoid OnStart() { }\n", "2: unknown directive #pragma"),
        (HEAD + "void OnStart() { int a=1 ` 2; }\n", "2: stray character '`'"),
    ],
)
def test_what_a_source_may_not_be_is_refused(source: str, says: str, tmp_path: Path) -> None:
    assert says in messages(source, tmp_path)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("double price=Bid;", "Bid does not exist in MQL5"),
        ("int type=OP_BUY;", "OP_BUY does not exist in MQL5"),
        ("int n=OrdersHistoryTotal();", "OrdersHistoryTotal does not exist in MQL5"),
        ("double d=MarketInfo(NULL,1);", "MarketInfo does not exist in MQL5"),
        ("OrderSendAsync(request,result);", "OrderSendAsync outside of Broker"),
    ],
)
def test_what_only_mql4_has_is_refused_in_an_mql5_program(statement: str, says: str, tmp_path: Path) -> None:
    source = f"{HEAD}void OnStart()\n  {{\n   {statement}\n  }}\n"
    assert f"4: {says}" in messages(source, tmp_path, name="Program.mq5", language=5)


def test_a_program_may_have_a_member_or_a_variable_that_mql4_has_as_a_name(tmp_path: Path) -> None:
    source = f"{HEAD}struct S {{ double Bid; }};\nvoid OnStart()\n  {{\n   S s;\n   s.Bid=1;\n  }}\n"
    assert messages(source, tmp_path, name="Program.mq5", language=5) == []


def test_our_own_programs_are_clean() -> None:
    """The core is held to the same, file by file, above."""
    sources = [*CORE.parent.glob("mql[45]/*.mq[45]"), *PROGRAMS.glob("*.mq[45]")]
    assert len(sources) > 7
    folders = {language: [CORE, CORE.parent / f"mql{language}"] for language in (4, 5)}
    found = {
        path.name: translate(path, language=language, folders=folders[language]).errors
        for path in sources
        for language in [int(path.suffix[-1])]
    }
    assert {name: errors for name, errors in found.items() if errors and name != "LanguageProbe.mq4"} == {}


# Programs of others -------------------------------------------------------------------------------------------------

OLD: Final = """\
// written for an old terminal, without strict
#include <stdlib.mqh>
extern int Magic = 7, Wait = 2;
extern double Lots = 0.1;
datetime last = D'2010.01.01 00:00';
int init() { }
Entries(string symbol, double levels[]) {
   int and = 0;
   for(int i = 0; i < OrdersTotal(); i++) {
      if(OrderSelect(i, SELECT_BY_POS, MODE_TRADES) == false) break;
      if(OrderSymbol() == symbol && OrderMagicNumber() == Magic) and++;
   }
   levels[0] = iMA(NULL, 0, 5, 0, MODE_SMA, PRICE_CLOSE, 1);
   return(and);
}
int start() {
   double levels[2];
   if(Bars < 100 || Time[0] == last) return(0);
   last = Time[0];
   if(Entries(Symbol(), levels) == 0 && Close[1] > levels[0]) {
      int ticket = OrderSend(Symbol(), OP_BUY, Lots, Ask, 3, 0, 0, "old", Magic, 0, Green);
      if(ticket < 0) Print(ErrorDescription(GetLastError()));
   } else if(Close[1] < levels[0] && OrderSelect(0, SELECT_BY_POS)) OrderClose(OrderTicket(), OrderLots(), Bid, 3, Red);
   return(0);
}
"""


@pytest.mark.compiles
def test_a_program_of_the_old_kind_translates_compiles_runs_and_trades(tmp_path: Path) -> None:
    path = tmp_path / "Old.mq4"
    path.write_text(OLD)
    tried = try_program(path, folders=[tmp_path])
    assert (tried.stage, tried.missing) == ("ran", ()), tried.note
    assert tried.orders > 2


def test_what_a_foreign_program_lacks_here_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "More.mq4"
    path.write_bytes(
        "// \u0441\u043b\u043e\u0432\u043e\nint start() {\n return(iGator(NULL,0,13,8,8,5,5,3,2,4,1,1)>0);\n}\n".encode(
            "cp1251"
        )
    )
    tried = try_program(path, folders=[], run=False)
    assert [str(error) for error in tried.missing] == [f"{path}:3: error: the shim has no iGator"]
    lines = list(report([tried], tmp_path))
    assert "1 programs: 1 not translated" in lines
    assert "   1 programs: the shim has no iGator" in lines


def test_without_a_compiler_the_build_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EAGATEWAY_CXX", raising=False)
    monkeypatch.setenv("EAGATEWAY_EA_BUILD", str(tmp_path / "build"))
    assert compiler() is None
    with pytest.raises(BuildError, match=r"^no C\+\+ compiler here: install g\+\+"):
        build(PROGRAMS / "TextProbe.mq4")
