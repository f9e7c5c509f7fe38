//+------------------------------------------------------------------+
//| Text.mqh: bytes, checksums, decimals and times as texts.         |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_TEXT
#define EAG_TEXT

//--- UTF-8 without the zero at the end; the number of bytes
int TextToBytes(const string text,uchar &bytes[])
  {
   ArrayResize(bytes,0);
   if(StringLen(text)==0)
      return(0);
   int count=StringToCharArray(text,bytes,0,-1,CP_UTF8)-1;
   ArrayResize(bytes,count);
   return(count);
  }
//--- the text of some bytes of UTF-8; it ends at a zero
string TextFromBytes(const uchar &bytes[],const int from,const int count)
  {
   if(count<=0)
      return("");
   return(CharArrayToString(bytes,from,count,CP_UTF8));
  }
#define WORD_MOST 128

//--- a name that can stand in a record between two blanks
bool IsWord(const string text)
  {
   int size=StringLen(text);
   for(int i=0; i<size; i++)
      if(StringGetCharacter(text,i)<=32 || StringGetCharacter(text,i)>=127)
         return(false);
   return(size>0 && size<=WORD_MOST);
  }
//--- more bytes at the end; room is taken in steps, so that many small ones cost little
void BytesAdd(uchar &bytes[],const uchar &more[],const int count)
  {
   int size=ArraySize(bytes);
   ArrayResize(bytes,size+count,4096);
   ArrayCopy(bytes,more,size,0,count);
  }
//--- CRC-32 of IEEE 802.3, as zip has it
uint Crc32(const uchar &bytes[],const int from,const int count)
  {
   uint sum=0xFFFFFFFF;
   for(int i=0; i<count; i++)
     {
      sum=sum^bytes[from+i];
      for(int bit=0; bit<8; bit++)
         sum=((sum&1)!=0) ? ((sum>>1)^0xEDB88320) : (sum>>1);
     }
   return(sum^0xFFFFFFFF);
  }
//--- FNV-1a with 64 bits; `state` is what came before, or FnvStart()
ulong FnvStart()
  {
   return(((ulong)0xCBF29CE4<<32)|(ulong)0x84222325);
  }
ulong Fnv64(const uchar &bytes[],const int count,const ulong state)
  {
   ulong sum=state;
   ulong prime=((ulong)1<<40)|(ulong)0x1B3;
   for(int i=0; i<count; i++)
      sum=(sum^(ulong)bytes[i])*prime;
   return(sum);
  }
//--- lower-case hexadecimal with so many digits
string HexText(const ulong value,const int digits)
  {
   string text="";
   for(int i=digits-1; i>=0; i--)
     {
      int nibble=(int)((value>>(4*i))&15);
      text+=CharToString((uchar)(nibble<10 ? '0'+nibble : 'a'+nibble-10));
     }
   return(text);
  }
//--- the value of hexadecimal digits; false for anything else
bool HexValue(const string text,ulong &value)
  {
   value=0;
   int length=StringLen(text);
   if(length<1 || length>16)
      return(false);
   for(int i=0; i<length; i++)
     {
      int c=StringGetCharacter(text,i);
      int nibble=(c>='0' && c<='9') ? c-'0' : (c>='a' && c<='f') ? c-'a'+10 : -1;
      if(nibble<0)
         return(false);
      value=(value<<4)|(ulong)nibble;
     }
   return(true);
  }
//--- digits with an optional minus as a 64-bit integer; false for anything else, and beyond the range
bool IntegerValue(const string text,long &value)
  {
   value=0;
   int length=StringLen(text);
   int start=(length>0 && StringGetCharacter(text,0)=='-') ? 1 : 0;
   if(length==start || length-start>19)
      return(false);
   ulong sum=0;
   for(int i=start; i<length; i++)
     {
      int digit=(int)StringGetCharacter(text,i)-'0';
      if(digit<0 || digit>9)
         return(false);
      sum=sum*10+(ulong)digit;
     }
   ulong limit=((ulong)1<<63)-1;
   if(start==0 && sum>limit)
      return(false);
   if(start==1 && sum>limit+1)
      return(false);
   value=(start==1) ? (long)(0-sum) : (long)sum;
   return(true);
  }
//--- whether a text is a decimal of the wire: minus, up to 20 digits, point, up to 20 digits
bool IsDecimal(const string text)
  {
   int length=StringLen(text);
   int i=(length>0 && StringGetCharacter(text,0)=='-') ? 1 : 0;
   int before=0,behind=0;
   while(i<length && IsDigit(text,i))
     {
      i++;
      before++;
     }
   if(before<1 || before>20)
      return(false);
   if(i==length)
      return(true);
   if(StringGetCharacter(text,i)!='.')
      return(false);
   i++;
   while(i<length && IsDigit(text,i))
     {
      i++;
      behind++;
     }
   return(i==length && behind>=1 && behind<=20);
  }
bool IsDigit(const string text,const int place)
  {
   int c=StringGetCharacter(text,place);
   return(c>='0' && c<='9');
  }
//--- a number with so many decimals; minus nothing is nothing. "" for what is no number
string DecimalText(const double value,const int decimals)
  {
   if(!MathIsValidNumber(value) || value==EMPTY_VALUE || value==DBL_MAX)
      return("");
   string text=DoubleToString(value,decimals);
   if(StringSubstr(text,0,1)!="-")
      return(text);
   for(int i=1; i<StringLen(text); i++)
     {
      int c=StringGetCharacter(text,i);
      if(c>='1' && c<='9')
         return(text);
     }
   return(StringSubstr(text,1));
  }
//--- RFC 3339 in UTC with milliseconds
string TimeText(const datetime seconds,const int milliseconds)
  {
   string text=TimeToString(seconds,TIME_DATE|TIME_SECONDS);
   StringReplace(text,".","-");
   StringReplace(text," ","T");
   return(text+"."+IntegerToString(milliseconds,3,'0')+"Z");
  }
//--- and back: milliseconds since 1970, or -1 for what is none
long TimeValue(const string text)
  {
   if(StringLen(text)<20 || StringGetCharacter(text,10)!='T' || StringGetCharacter(text,StringLen(text)-1)!='Z')
      return(-1);
   string day=StringSubstr(text,0,10);
   StringReplace(day,"-",".");
   if(StringLen(day)!=10)
      return(-1);
   datetime seconds=StringToTime(day+" "+StringSubstr(text,11,8));
   if(seconds<=0)
      return(-1);
   long milliseconds=0;
   int digits=StringLen(text)-21;
   if(digits>0)
     {
      string part=StringSubstr(text,20,MathMin(digits,3));
      while(StringLen(part)<3)
         part+="0";
      if(StringGetCharacter(text,19)!='.' || !IntegerValue(part,milliseconds))
         return(-1);
     }
   return((long)seconds*1000+milliseconds);
  }
#endif
