//+------------------------------------------------------------------+
//| Introduction.mqh: InitRequest: the terminal and all its symbols, |
//| in parts that fit a frame. Shared by MQL4 and MQL5.              |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_INTRODUCTION
#define EAG_INTRODUCTION
#include "Facts.mqh"

class CIntroduction
  {
private:
   string            m_parts[];
   int               m_count;

   string            Head(CBroker *broker,CBrokerClock *times,const datetime history_from) const;
   string            Spec(const STerms &terms) const;

public:
   string            left_out;

                     CIntroduction(void) { m_count=0; left_out=""; }
   int               Build(CBroker *broker,CBrokerClock *times,const string only,const string digest,const datetime history_from);
   int               Count(void) const { return(m_count); }
   string            Part(const int place) const { return(m_parts[place]); }
  };
//--- `only`: names with commas between, or "" for all. The number of parts.
int CIntroduction::Build(CBroker *broker,CBrokerClock *times,const string only,const string digest,const datetime history_from)
  {
   string lists[];
   int lists_count=0,told=0;
   string list="";
   int total=broker.Symbols();
   left_out="";
   for(int i=0; i<total; i++)
     {
      STerms terms={};
      string name=broker.SymbolAt(i);
      if(only!="" && StringFind(","+only+",",","+name+",")<0)
         continue;
      if(told>=2000 || !broker.Terms(name,terms))
        {
         left_out+=(left_out=="" ? "" : " ")+name;
         continue;
        }
      string spec=Spec(terms);
      if(list!="" && StringLen(list)+StringLen(spec)>PART_BYTES)
        {
         ArrayResize(lists,lists_count+1,16);
         lists[lists_count]=list;
         lists_count++;
         list="";
        }
      list+=(list=="" ? "" : ",")+spec;
      told++;
     }
   ArrayResize(lists,lists_count+1);
   lists[lists_count]=list;
   lists_count++;
   m_count=lists_count;
   ArrayResize(m_parts,m_count);
   string head=Head(broker,times,history_from);
   for(int k=0; k<m_count; k++)
     {
      string place=(m_count>1) ? ",\"n\":"+IntegerToString(k+1)+",\"of\":"+IntegerToString(m_count)+",\"digest\":\""+digest+"\"" : "";
      m_parts[k]=head+place+",\"symbols\":["+lists[k]+"]}";
     }
   return(m_count);
  }
//--- what is not a list; the closing bracket comes behind the list
string CIntroduction::Head(CBroker *broker,CBrokerClock *times,const datetime history_from) const
  {
   CJsonWriter json;
   json.Open("","{");
   json.Text("platform",broker.Platform());
   json.Integer("build",broker.Build());
   json.Text("broker",StringSubstr(broker.Company(),0,255));
   json.Text("server",StringSubstr(broker.Server(),0,255));
   json.Text("currency",broker.Currency());
   json.Integer("leverage",broker.Leverage());
   json.Text("margin_mode",broker.Hedging() ? "hedging" : "netting");
   if(broker.Fifo())
      json.Boolean("fifo",true);
   json.Boolean("dll_allowed",broker.DllAllowed());
   json.Boolean("trade_allowed",broker.TradeAllowed());
   if(times.Known())
      json.Integer("utc_offset_seconds",times.Offset());
   if(history_from>0)
      json.Text("history_from",BrokerTime(history_from));
   PutNumber(json,"balance",broker.Balance());
   PutNumber(json,"equity",broker.Equity());
   PutNumber(json,"free_margin",broker.FreeMargin());
   json.Text("ea_version",EA_VERSION);
   json.Text("transport","exchange");
   json.Raw("capabilities","[\"ticket\"]");
   return(json.Result());
  }
string CIntroduction::Spec(const STerms &terms) const
  {
   CJsonWriter json;
   json.Open("","{");
   json.Text("name",terms.name);
   json.Integer("digits",terms.digits);
   PutNumber(json,"contract_size",terms.contract);
   PutNumber(json,"lots_min",terms.lots_min);
   PutNumber(json,"lots_step",terms.lots_step);
   PutNumber(json,"lots_max",terms.lots_max);
   if(terms.point>0)
      PutNumber(json,"point",terms.point);
   if(terms.tick_size>0)
      PutNumber(json,"tick_size",terms.tick_size);
   if(terms.tick_value>0)
      PutNumber(json,"tick_value",terms.tick_value);
   json.Integer("stop_level",terms.stop_level);
   json.Integer("freeze_level",terms.freeze_level);
   json.Text("trade_mode",terms.mode);
   if(terms.quote_currency!="")
      json.Text("quote_currency",terms.quote_currency);
   if(terms.calculation!="")
      json.Text("calculation_mode",terms.calculation);
   json.Close("}");
   return(json.Result());
  }
#endif
