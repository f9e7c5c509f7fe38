"""Programs in the ways of others: old MQL4, MetaTrader 5 by classes, and what is refused, with where and why."""

import re
from pathlib import Path
from typing import Final

import pytest

from ea.host.foreign import Tried, report, try_program

OLD: Final = """\
#property copyright "кто-то"
#include <stdlib.mqh>
extern double Lots = 0.1, Risk; // размер
extern string Note;
extern color Line = C'010,020,255';
extern bool Trail = True;
double kept[3], text_as_number; string names[] = {"один", "two"};
int init() { return; }
bool NewBar() { static int last = 0; if(last != Time[0]) { last = Time[0]; return(true); } return(false); }
int start()
  {
   if(!NewBar()) return(0);
   for(int i = 0; i < OrdersTotal(); i++)
     {
      OrderSelect(i, SELECT_BY_POS);
      if(OrderMagicNumber() == 77) { bool found = true; double stop = OrderStopLoss(); }
     }
   for(i = 0; i < 3; i++) kept[i] = iMA(NULL, PERIOD_H1, 5, 0, MODE_EMA, PRICE_CLOSE, i);
   if(High[1] > High[2]) { int cmd = OP_BUY; double price = Ask; } else { cmd = OP_SELL; price = Bid; }
   text_as_number = DoubleToStr(stop + 1.5, 1);
   kept[7] = 3;
   if(!found)
      if(OrderSend(Symbol(), cmd, Lots, price, 3, 0, 0, "old #" + i, 77, 0, Red) < 0)
         Print(ErrorDescription(GetLastError()));
   Print("kept ", kept[9], " number ", text_as_number, " note [", Note, "]");
   return(0);
  }
"""
CLASSES: Final = """\
#include <Trade\\Trade.mqh>
#include <Arrays\\ArrayObj.mqh>
input group "Trading"
input double Size = 0.1;
interface ISignal { int Direction(); };
class CSlope : public ISignal
  {
   int m_handle; double m_line[];
public:
   CSlope(int period) : m_handle(iMA(_Symbol, PERIOD_CURRENT, period, 0, MODE_SMA, PRICE_CLOSE))
     { ArraySetAsSeries(m_line, true); }
   int Direction() override
     { return CopyBuffer(m_handle, 0, 0, 3, m_line) == 3 ? (m_line[1] > m_line[2] ? 1 : -1) : 0; }
  };
template<typename T> class CStack
  {
   T m_items[];
public:
   void Push(T item) { int n = ArraySize(m_items); ArrayResize(m_items, n + 1); m_items[n] = item; }
   T operator[](const int place) const { return m_items[place]; }
  };
template<typename T> class CRing
  {
   T m_items[];
public:
   CRing(int size) { ArrayResize(m_items, size); }
   T First() { return m_items[0]; }
  };
CRing<double> ring(20);
typedef double (*TScale)(double);
double Twice(double x) { return 2 * x; }
double Scaled(TScale scale, double x) { return scale(x); }
int flat[2][2] = {1, 2, 3, 4};
CTrade trade; CSlope *slope; CStack<double> prices;
int OnInit()
  {
   slope = new CSlope(8); prices.Push(Scaled(Twice, 1.5));
   Print(__FUNCTION__, " ", prices[0], " ", flat[1][0]);
   return INIT_SUCCEEDED;
  }
void OnDeinit(const int reason) { delete slope; }
void OnTick()
  {
   if(PositionsTotal() == 0 && slope.Direction() > 0) trade.Buy(Size);
   else if(PositionSelect(_Symbol) && slope.Direction() < 0) trade.PositionClose(_Symbol);
  }
"""
LISTS: Final = """\
#include <Trade\\Trade.mqh>
#include <Arrays\\List.mqh>
namespace Tools { struct Pair { int a; int b; }; int Sum(const Pair &pair) { return pair.a + pair.b; } }
class CStep : public CObject { public: int number; CStep(int n) : number(n) {} };
CTrade trade;
string Numbers(CList &list)
  {
   string said = "";
   for(CObject *node = list.GetFirstNode(); node != NULL; node = list.GetNextNode())
      said += IntegerToString(((CStep*)node).number);
   return said + "/" + IntegerToString(list.Total());
  }
bool Right()
  {
   CList list;
   for(int i = 1; i < 5; i++) list.Add(new CStep(i));
   list.Insert(new CStep(9), 1);
   list.Insert(new CStep(7), 0);
   if(Numbers(list) != "719234/6") return false;
   list.Delete(5);
   list.Delete(0);
   list.MoveToIndex(2);
   CObject *last = list.GetLastNode();
   if(Numbers(list) != "9213/4" || list.IndexOf(last) != 3 || list.GetNodeAtIndex(4) != NULL) return false;
   list.GetLastNode();
   CObject *out = list.DetachCurrent();
   delete out;
   Tools::Pair pair = {2, 1};
   return Numbers(list) == "921/3" && Tools::Sum(pair) == list.Total();
  }
void OnTick() { if(PositionsTotal() == 0 && Right()) trade.Buy(0.1); }
"""


def tried(source: str, path: Path, *, encoding: str = "utf-8", run: bool = True) -> Tried:
    """How far a program comes that stands in this file."""
    path.write_bytes(source.replace("\n", "\r\n").encode(encoding))
    return try_program(path, folders=[path.parent], run=run)


@pytest.mark.compiles
@pytest.mark.parametrize("encoding", ["cp1251", "utf-16"])
def test_a_program_of_the_old_kind_trades(encoding: str, tmp_path: Path) -> None:
    found = tried(OLD, tmp_path / "Old.mq4", encoding=encoding)
    assert (found.stage, found.missing) == ("ran", ())
    assert found.orders == 1


@pytest.mark.compiles
def test_a_program_with_classes_trades_by_the_class_for_it(tmp_path: Path) -> None:
    found = tried(CLASSES, tmp_path / "Classes.mq5")
    assert (found.stage, found.missing) == ("ran", ())
    assert found.orders > 2


@pytest.mark.compiles
def test_a_program_with_a_list_and_a_namespace_trades_if_both_are_right(tmp_path: Path) -> None:
    found = tried(LISTS, tmp_path / "Lists.mq5")
    assert (found.stage, found.missing, found.orders) == ("ran", (), 1)


@pytest.mark.compiles
@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            'string s = Symbol(); switch(s) { case "EURUSD": break; }',
            "switch takes whole numbers: write if and else for a",
        ),
        ("Print(Unheard + 1);", "Unheard is not known here: declare it, or include the file that does"),
        ("SomethingElse(1);", "unknown function SomethingElse"),
    ],
)
def test_what_is_not_taken_is_told_with_its_line_and_what_to_do(line: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "Refused.mq5"
    found = tried(f"void OnTick()\n  {{\n   {line}\n  }}\n", path, run=False)
    first = found.missing[0]
    assert (first.file, first.line) == (str(path), 3)
    assert says in first.message
    assert f"{path}:3: error: {first.message}" in list(report([found], tmp_path))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("#include <Nowhere.mqh>\n", "1: error: include not found: Nowhere.mqh (put it beside the program"),
        ("\nextern int MA.Period = 3;\n", "2: error: a dot in the name of an input: write MA_Period"),
        ("extern double Levels[3];\n", "1: error: Levels cannot be an input: it takes one value"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything_is_compiled(source: str, says: str, tmp_path: Path) -> None:
    found = tried(source, tmp_path / "Refused.mq4")
    assert found.stage == "not translated"
    assert any(re.search(re.escape(says), str(error)) for error in found.missing)


def test_an_indicator_is_told_apart_from_what_trades(tmp_path: Path) -> None:
    found = tried("#property indicator_chart_window\nint OnInit() { return 0; }\n", tmp_path / "Lines.mq4")
    assert (found.stage, found.orders) == ("no EA", 0)
