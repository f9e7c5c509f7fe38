//--- Orders in script.txt: open NAME, add KIND FIELDS, compact KINDS, dump, close. Answers go to the log at once.
#property strict
#include <Journal.mqh>
void OnStart()
  {
   CJournal journal;
   int in=FileOpen("script.txt",FILE_TXT|FILE_READ|FILE_SHARE_READ,'\t',CP_UTF8);
   while(!FileIsEnding(in))
     {
      string words[];
      StringSplit(FileReadString(in)+"\t\t",'\t',words);
      if(words[0]=="open")
        {
         bool opened=journal.Open(words[1]);
         Print("open ",opened," ",(int)journal.State()," ",journal.Damaged());
        }
      if(words[0]=="add")
         Print("add ",journal.Append(words[1],words[2])," ",words[2]);
      if(words[0]=="close")
         journal.Close();
      if(words[0]=="dump")
         for(int i=0; i<journal.Count(); i++)
            Print("= ",journal.Kind(i)," ",journal.Fields(i));
      if(words[0]=="compact")
        {
         bool wanted[];
         ArrayResize(wanted,journal.Count());
         for(int k=0; k<journal.Count(); k++)
            wanted[k]=(StringFind(words[1],journal.Kind(k))>=0);
         bool done=journal.Compact(wanted);
         Print("compact ",done," ",(int)journal.State());
        }
     }
   FileClose(in);
  }
