//--- Reads frames from in.bin (4 bytes of length, then the frame) and writes one line for each to out.bin.
#property strict
#include <Json.mqh>
CJson g_json;
string Dump(const int node)
  {
   EJsonKind kind=g_json.Kind(node);
   if(kind==JSON_STRING)
     {
      string text=g_json.Text(node),units="";
      for(int i=0; i<StringLen(text); i++)
         units+=HexText((ulong)StringGetCharacter(text,i),4);
      string decimal="";
      return("s"+units+(g_json.Decimal(node,decimal) ? "d" : ""));
     }
   if(kind==JSON_INTEGER)
     {
      long value=0;
      return(g_json.Integer(node,value) ? "i"+IntegerToString(value) : "n"+g_json.Raw(node));
     }
   if(kind==JSON_NUMBER)
      return("n"+g_json.Raw(node));
   if(kind==JSON_TRUE || kind==JSON_FALSE || kind==JSON_NULL)
      return(g_json.Raw(node));
   string all=(kind==JSON_OBJECT) ? "{" : "[";
   for(int child=g_json.Child(node); child>=0; child=g_json.Next(child))
      all+=Dump(child)+",";
   return(all+((kind==JSON_OBJECT) ? "}" : "]"));
  }
void OnStart()
  {
   uchar bytes[],line[],out[];
   int in=FileOpen("in.bin",FILE_BIN|FILE_READ);
   int size=(int)FileSize(in);
   FileReadArray(in,bytes,0,size);
   FileClose(in);
   int to=FileOpen("out.bin",FILE_BIN|FILE_WRITE);
   for(int at=0; at+4<=size; )
     {
      int count=bytes[at]+bytes[at+1]*256+bytes[at+2]*65536;
      at+=4;
      string said=g_json.Parse(bytes,at,count) ? "+"+Dump(0) : "-"+g_json.Error();
      at+=count;
      int length=TextToBytes(said+"\n",line);
      FileWriteArray(to,line,0,length);
     }
   FileClose(to);
   ArrayFree(out);
  }
