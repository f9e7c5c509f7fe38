//--- Each line of in.txt is a question, its words apart by tabulators; out.txt has a line for each answer.
#property strict
#include <Json.mqh>
string Answer(const string &words[])
  {
   string kind=words[0];
   uchar bytes[];
   if(kind=="crc")
     {
      int count=TextToBytes(words[1],bytes);
      return(HexText((ulong)Crc32(bytes,0,count),8));
     }
   if(kind=="fnv")
     {
      int count=TextToBytes(words[1],bytes);
      return(HexText(Fnv64(bytes,count,FnvStart()),16));
     }
   if(kind=="integer")
     {
      long value=0;
      return(IntegerValue(words[1],value) ? IntegerToString(value) : "none");
     }
   if(kind=="hex")
     {
      ulong value=0;
      return(HexValue(words[1],value) ? HexText(value,16) : "none");
     }
   if(kind=="decimal")
      return(DecimalText(StringToDouble(words[1]),(int)StringToInteger(words[2])));
   if(kind=="isdecimal")
      return(IsDecimal(words[1]) ? "yes" : "no");
   if(kind=="time")
      return(TimeText((datetime)StringToInteger(words[1]),(int)StringToInteger(words[2])));
   if(kind=="instant")
      return(IntegerToString(TimeValue(words[1])));
   if(kind=="end")
     {
      int count=TextToBytes(words[1],bytes);
      return(IntegerToString(JsonEnd(bytes,0,count)));
     }
   if(kind=="write")
     {
      CJsonWriter writer;
      writer.Open("","{");
      writer.Text("text",words[1]);
      writer.Decimal("number",StringToDouble(words[2]),(int)StringToInteger(words[3]));
      writer.Open("list","[");
      writer.Integer("",StringToInteger(words[3]));
      writer.Boolean("",true);
      writer.Null("");
      writer.Close("]");
      writer.Close("}");
      return(writer.Result());
     }
   return("unknown question");
  }
void OnStart()
  {
   int in=FileOpen("in.txt",FILE_TXT|FILE_READ,'\t',CP_UTF8);
   int to=FileOpen("out.txt",FILE_TXT|FILE_WRITE,'\t',CP_UTF8);
   while(!FileIsEnding(in))
     {
      string words[];
      StringSplit(FileReadString(in)+"\t",'\t',words);
      FileWriteString(to,Answer(words)+"\n");
     }
   FileClose(in);
   FileClose(to);
  }
