//--- in.txt: "open NAME", "close", "compact", "dump", or "KIND<blank>FIELDS" to be written, with ~ for a tabulator.
#property strict
#include <Store.mqh>
#include <Guards.mqh>
CStore g_store;
CClock g_clock;
//--- what holds when an owner has set 2 lots, 40 points of spread and 30 of slippage, and the gateway tells this
void Limits(const string told)
  {
   SGuards own={};
   own.max_lots=2;
   own.max_spread_points=40;
   own.max_slippage_points=30;
   SGuards both=Stricter(own,GuardsTold(told));
   Print("limits ",NumberText(both.max_lots)," ",both.max_open_copies," ",NumberText(both.min_equity)," ",both.max_spread_points," ",
         both.max_slippage_points," ",both.pause_opening ? "paused" : "open"," ",both.unknown ? "unknown" : "known");
  }
void Dump(void)
  {
   string line="= "+g_store.installation+" "+g_store.role+" "+g_store.session_id+" "+IntegerToString(g_store.highest)+" "
               +(g_store.HasBaseline() ? "baseline" : "-")+" "+IntegerToString(g_store.Stamp());
   line+=" | "+g_store.ledger.epoch+" "+IntegerToString(g_store.ledger.head)+" "+g_store.ledger.head_id+" "
         +IntegerToString(g_store.ledger.max_copy_no)+" "+IntegerToString(g_store.ledger.Applied());
   for(int i=0; i<g_store.ledger.Count(); i++)
     {
      SEntry one={};
      g_store.ledger.At(i,one);
      line+=" | "+one.command.id+":"+IntegerToString(one.command.attempt)+" "+one.epoch+" "+one.state+" "+IntegerToString(one.seq)+" "
            +one.command.action+" "+IntegerToString(one.command.copy_no)+" "+(one.told ? "told" : "")+(one.begun ? "begun" : "")+" "
            +IntegerToString(g_store.ledger.Tries(one.command));
     }
   SFrame frame={};
   for(long s=g_store.outbox.First(); g_store.outbox.At(s,frame); s++)
      line+=" | F"+IntegerToString(s)+" "+COutbox::Encode(frame);
   SRow rows[];
   int count=g_store.Rows(rows);
   for(int r=0; r<count; r++)
      line+=" | "+IntegerToString(rows[r].ticket)+" "+rows[r].symbol+" "+DoubleToString(rows[r].lots,2)+" "+IntegerToString(rows[r].position);
   for(long t=1; t<20; t++)
      if(g_store.IsOurs(t))
         line+=" | ours "+IntegerToString(t);
   line+=" | ended to "+IntegerToString(g_store.ended.Floor());
   for(int e=0; e<g_store.ended.Count(); e++)
      line+=" "+IntegerToString(g_store.ended.At(e));
   Print(line," | ready ",g_store.ledger.Ready(0)," doubt ",g_store.ledger.InDoubt(0)," next ",g_store.outbox.Top()+1);
  }
void OnStart()
  {
   int in=FileOpen("in.txt",FILE_TXT|FILE_READ|FILE_SHARE_READ,'\t',CP_UTF8);
   while(!FileIsEnding(in))
     {
      string line=FileReadString(in);
      if(StringFind(line,"open ")==0)
         Print("open ",g_store.Open(StringSubstr(line,5),GetPointer(g_clock)));
      else if(StringFind(line,"limits ")==0)
         Limits(StringSubstr(line,7));
      else if(line=="close")
         g_store.Close();
      else if(line=="compact")
         Print("compact ",g_store.Compact());
      else if(line=="dump")
         Dump();
      else if(line!="")
        {
         int blank=StringFind(line," ");
         string fields=StringSubstr(line,blank+1);
         StringReplace(fields,"~","\t");
         if(!g_store.Write(StringSubstr(line,0,blank),fields))
            Print("not written ",line);
        }
     }
   FileClose(in);
  }
