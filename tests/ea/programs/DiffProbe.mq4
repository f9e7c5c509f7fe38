//--- in.txt: rows "B|A|H ticket type symbol lots price opened sl tp expiry closed magic comment position [closer left]", "E ticket" of
//--- one that has ended before, and "go FLOOR",
//--- which compares what came since the last one. out.txt: the facts, then "=" with the positions of the book.
#property strict
#include <Diff.mqh>
void Put(SRow &rows[],const string &w[])
  {
   int n=ArraySize(rows);
   ArrayResize(rows,n+1,64);
   rows[n].ticket=StringToInteger(w[1]);
   rows[n].type=(int)StringToInteger(w[2]);
   rows[n].symbol=w[3];
   rows[n].lots=StringToDouble(w[4]);
   rows[n].price=StringToDouble(w[5]);
   rows[n].opened=(datetime)StringToInteger(w[6]);
   rows[n].sl=StringToDouble(w[7]);
   rows[n].tp=StringToDouble(w[8]);
   rows[n].expiry=(datetime)StringToInteger(w[9]);
   rows[n].closed=(datetime)StringToInteger(w[10]);
   rows[n].close_price=0;
   rows[n].magic=StringToInteger(w[11]);
   rows[n].comment=w[12];
   rows[n].position=StringToInteger(w[13]);
   rows[n].point=0.00001;
   rows[n].closer=(ArraySize(w)>14) ? StringToInteger(w[14]) : 0;
   rows[n].left=(ArraySize(w)>15) ? StringToDouble(w[15]) : 0;
  }
string Name(const EFact kind)
  {
   string names[]={"open","place","activate","modify","close","partial","cancel","gone","grown"};
   return(names[(int)kind]);
  }
void OnStart()
  {
   CDiff diff;
   SRow before[],after[],history[];
   SFact facts[];
   CEnded ended;
   int in=FileOpen("in.txt",FILE_TXT|FILE_READ);
   int to=FileOpen("out.txt",FILE_TXT|FILE_WRITE);
   while(!FileIsEnding(in))
     {
      string w[];
      StringSplit(FileReadString(in),'\t',w);
      if(w[0]=="B")
         Put(before,w);
      if(w[0]=="A")
         Put(after,w);
      if(w[0]=="H")
         Put(history,w);
      if(w[0]=="E")
         ended.Add(StringToInteger(w[1]));
      if(w[0]!="go")
         continue;
      ended.Raise(StringToInteger(w[1]));
      int count=diff.Compare(before,after,history,ended,facts);
      ended.Clear();
      for(int i=0; i<count; i++)
         FileWriteString(to,Name(facts[i].kind)+" "+IntegerToString(facts[i].position)+" "+IntegerToString(facts[i].ticket)+" "
                         +IntegerToString(facts[i].new_ticket)+" "+DoubleToString(facts[i].lots,2)+" "+IntegerToString((int)facts[i].cause)+"\n");
      string line="=";
      for(int k=0; k<ArraySize(after); k++)
         line+=" "+IntegerToString(after[k].ticket)+":"+IntegerToString(after[k].position);
      FileWriteString(to,line+"\n");
      ArrayResize(before,0);
      ArrayResize(after,0);
      ArrayResize(history,0);
     }
   FileClose(in);
   FileClose(to);
  }
