//+------------------------------------------------------------------+
//| Json.mqh: reads a frame in one pass over its bytes, without      |
//| recursion, into tokens; writes frames. Shared by MQL4 and MQL5.  |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_JSON
#define EAG_JSON
#include "Text.mqh"

#define JSON_MAX_TOKENS 4096
#define JSON_MAX_DEPTH  16
#define JSON_MAX_BYTES  16384

enum EJsonKind { JSON_NONE, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_INTEGER, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };
enum EJsonExpect { EXPECT_VALUE, EXPECT_VALUE_OR_END, EXPECT_KEY, EXPECT_KEY_OR_END, EXPECT_COLON, EXPECT_COMMA_OR_END, EXPECT_NOTHING };

//--- One frame. A node is a number of a token; -1 is no node. An object's children are key, value, key, value.
class CJson
  {
private:
   uchar             m_bytes[];
   int               m_place;
   int               m_limit;
   int               m_count;
   EJsonKind         m_kind[JSON_MAX_TOKENS];
   int               m_start[JSON_MAX_TOKENS];
   int               m_end[JSON_MAX_TOKENS];
   int               m_child[JSON_MAX_TOKENS];
   int               m_last[JSON_MAX_TOKENS];
   int               m_next[JSON_MAX_TOKENS];
   bool              m_escaped[JSON_MAX_TOKENS];
   int               m_open[JSON_MAX_DEPTH];
   int               m_depth;
   string            m_error;

   bool              Fail(const string why);
   int               Add(const EJsonKind kind,const int start);
   bool              Step(EJsonExpect &expect);
   bool              Value(const uchar c,EJsonExpect &expect);
   bool              Enter(const EJsonKind kind,EJsonExpect &expect);
   bool              Leave(EJsonExpect &expect);
   void              AfterValue(EJsonExpect &expect);
   bool              Key(EJsonExpect &expect);
   bool              String();
   bool              Escape(void);
   bool              Utf8();
   bool              Number();
   bool              Word(const string word,const EJsonKind kind);
   int               Digits();
   bool              Repeated(const int key) const;
   bool              SameText(const int a,const int b) const;
   int               Hex4(const int at) const;
   bool              IsHex4(const int at) const;

public:
                     CJson(void) { m_place=0; m_limit=0; m_count=0; m_depth=0; m_error=""; }
   bool              Parse(const uchar &bytes[],const int from,const int count);
   string            Error(void) const { return(m_error); }
   EJsonKind         Kind(const int node) const { return((node>=0 && node<m_count) ? m_kind[node] : JSON_NONE); }
   int               Child(const int node) const { return((node>=0 && node<m_count) ? m_child[node] : -1); }
   int               Next(const int node) const { return((node>=0 && node<m_count) ? m_next[node] : -1); }
   int               Find(const int object,const string name) const;
   string            Raw(const int node) const;
   string            Text(const int node) const;
   bool              Integer(const int node,long &value) const;
   bool              Decimal(const int node,string &value) const;
   bool              Boolean(const int node,const bool otherwise) const;
  };
//+------------------------------------------------------------------+
bool CJson::Fail(const string why)
  {
   m_error=why;
   m_count=0;
   return(false);
  }
//--- the bytes are copied: tokens stay good whatever becomes of the buffer
bool CJson::Parse(const uchar &bytes[],const int from,const int count)
  {
   m_count=0;
   m_depth=0;
   m_error="";
   m_place=0;
   m_limit=count;
   if(count<1 || count>JSON_MAX_BYTES || from<0 || from+count>ArraySize(bytes))
      return(Fail("size"));
   ArrayResize(m_bytes,count);
   ArrayCopy(m_bytes,bytes,0,from,count);
   EJsonExpect expect=EXPECT_VALUE;
   while(true)
     {
      while(m_place<m_limit && (m_bytes[m_place]==' ' || m_bytes[m_place]=='\t' || m_bytes[m_place]=='\n' || m_bytes[m_place]=='\r'))
         m_place++;
      if(m_place>=m_limit)
         break;
      if(!Step(expect))
         return(false);
     }
   if(expect!=EXPECT_NOTHING)
      return(Fail("unfinished"));
   return(true);
  }
bool CJson::Step(EJsonExpect &expect)
  {
   uchar c=m_bytes[m_place];
   bool array=(m_depth>0 && m_kind[m_open[m_depth-1]]==JSON_ARRAY);
   switch(expect)
     {
      case EXPECT_VALUE_OR_END:
         if(c==']')
            return(Leave(expect));
         return(Value(c,expect));
      case EXPECT_VALUE:
         return(Value(c,expect));
      case EXPECT_KEY_OR_END:
         if(c=='}')
            return(Leave(expect));
         return(Key(expect));
      case EXPECT_KEY:
         return(Key(expect));
      case EXPECT_COLON:
         if(c!=':')
            return(Fail("colon"));
         m_place++;
         expect=EXPECT_VALUE;
         return(true);
      case EXPECT_COMMA_OR_END:
         if(c==(array ? ']' : '}'))
            return(Leave(expect));
         if(c!=',')
            return(Fail("comma"));
         m_place++;
         expect=array ? EXPECT_VALUE : EXPECT_KEY;
         return(true);
      default:
         return(Fail("trailing"));
     }
  }
int CJson::Add(const EJsonKind kind,const int start)
  {
   if(m_count>=JSON_MAX_TOKENS)
     {
      Fail("tokens");
      return(-1);
     }
   int node=m_count;
   m_count++;
   m_kind[node]=kind;
   m_start[node]=start;
   m_end[node]=start;
   m_child[node]=-1;
   m_last[node]=-1;
   m_next[node]=-1;
   m_escaped[node]=false;
   if(m_depth>0)
     {
      int parent=m_open[m_depth-1];
      if(m_child[parent]<0)
         m_child[parent]=node;
      else
         m_next[m_last[parent]]=node;
      m_last[parent]=node;
     }
   return(node);
  }
bool CJson::Value(const uchar c,EJsonExpect &expect)
  {
   if(c=='{')
      return(Enter(JSON_OBJECT,expect));
   if(c=='[')
      return(Enter(JSON_ARRAY,expect));
   bool good=false;
   if(c=='"')
      good=String();
   else if(c=='t')
      good=Word("true",JSON_TRUE);
   else if(c=='f')
      good=Word("false",JSON_FALSE);
   else if(c=='n')
      good=Word("null",JSON_NULL);
   else
      good=Number();
   AfterValue(expect);
   return(good);
  }
void CJson::AfterValue(EJsonExpect &expect)
  {
   expect=(m_depth>0) ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
  }
bool CJson::Enter(const EJsonKind kind,EJsonExpect &expect)
  {
   if(m_depth>=JSON_MAX_DEPTH)
      return(Fail("depth"));
   int node=Add(kind,m_place);
   if(node<0)
      return(false);
   m_open[m_depth]=node;
   m_depth++;
   m_place++;
   expect=(kind==JSON_ARRAY) ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END;
   return(true);
  }
bool CJson::Leave(EJsonExpect &expect)
  {
   m_depth--;
   m_place++;
   m_end[m_open[m_depth]]=m_place;
   AfterValue(expect);
   return(true);
  }
bool CJson::Key(EJsonExpect &expect)
  {
   if(m_bytes[m_place]!='"')
      return(Fail("key"));
   if(!String())
      return(false);
   if(Repeated(m_count-1))
      return(Fail("repeated key"));
   expect=EXPECT_COLON;
   return(true);
  }
bool CJson::String(void)
  {
   int node=Add(JSON_STRING,m_place+1);
   if(node<0)
      return(false);
   m_place++;
   while(m_place<m_limit)
     {
      uchar c=m_bytes[m_place];
      if(c=='"')
        {
         m_end[node]=m_place;
         m_place++;
         return(true);
        }
      if(c<0x20)
         return(Fail("control character"));
      if(c=='\\')
        {
         m_escaped[node]=true;
         if(!Escape())
            return(Fail("escape"));
        }
      else if(c<0x80)
         m_place++;
      else if(!Utf8())
         return(Fail("utf-8"));
     }
   return(Fail("unfinished"));
  }
bool CJson::Escape(void)
  {
   if(m_place+1>=m_limit)
      return(false);
   uchar c=m_bytes[m_place+1];
   if(c=='u')
     {
      if(!IsHex4(m_place+2))
         return(false);
      m_place+=6;
      return(true);
     }
   m_place+=2;
   return(c=='"' || c=='\\' || c=='/' || c=='b' || c=='f' || c=='n' || c=='r' || c=='t');
  }
//--- one character above ASCII: no overlong forms, no surrogates, nothing above 0x10FFFF
bool CJson::Utf8(void)
  {
   int c=m_bytes[m_place];
   int more=(c>=0xC2 && c<=0xDF) ? 1 : (c>=0xE0 && c<=0xEF) ? 2 : (c>=0xF0 && c<=0xF4) ? 3 : 0;
   if(more==0 || m_place+more>=m_limit)
      return(false);
   int second=m_bytes[m_place+1];
   if((c==0xE0 && second<0xA0) || (c==0xED && second>0x9F) || (c==0xF0 && second<0x90) || (c==0xF4 && second>0x8F))
      return(false);
   for(int i=1; i<=more; i++)
      if((m_bytes[m_place+i]&0xC0)!=0x80)
         return(false);
   m_place+=more+1;
   return(true);
  }
bool CJson::IsHex4(const int at) const
  {
   if(at+4>m_limit)
      return(false);
   for(int i=0; i<4; i++)
     {
      uchar c=m_bytes[at+i];
      if(!((c>='0' && c<='9') || (c>='a' && c<='f') || (c>='A' && c<='F')))
         return(false);
     }
   return(true);
  }
int CJson::Hex4(const int at) const
  {
   int value=0;
   for(int i=0; i<4; i++)
     {
      int c=m_bytes[at+i];
      value=value*16+((c<='9') ? c-'0' : (c<='F') ? c-'A'+10 : c-'a'+10);
     }
   return(value);
  }
int CJson::Digits(void)
  {
   int first=m_place;
   while(m_place<m_limit && m_bytes[m_place]>='0' && m_bytes[m_place]<='9')
      m_place++;
   return(m_place-first);
  }
bool CJson::Number(void)
  {
   int start=m_place;
   int node=Add(JSON_INTEGER,start);
   if(node<0)
      return(false);
   if(m_bytes[m_place]=='-')
      m_place++;
   int first=m_place;
   int digits=Digits();
   if(digits<1 || (digits>1 && m_bytes[first]=='0'))
      return(Fail("number"));
   if(m_place<m_limit && m_bytes[m_place]=='.')
     {
      m_kind[node]=JSON_NUMBER;
      m_place++;
      if(Digits()<1)
         return(Fail("number"));
     }
   if(m_place<m_limit && (m_bytes[m_place]=='e' || m_bytes[m_place]=='E'))
     {
      m_kind[node]=JSON_NUMBER;
      m_place++;
      if(m_place<m_limit && (m_bytes[m_place]=='+' || m_bytes[m_place]=='-'))
         m_place++;
      if(Digits()<1)
         return(Fail("number"));
     }
   m_end[node]=m_place;
   return(true);
  }
bool CJson::Word(const string word,const EJsonKind kind)
  {
   int length=StringLen(word);
   int node=Add(kind,m_place);
   if(node<0)
      return(false);
   if(m_place+length>m_limit || TextFromBytes(m_bytes,m_place,length)!=word)
      return(Fail("word"));
   m_place+=length;
   m_end[node]=m_place;
   return(true);
  }
//--- whether the newest key of the open object was there before
bool CJson::Repeated(const int key) const
  {
   int node=m_child[m_open[m_depth-1]];
   while(node>=0 && node!=key)
     {
      if(SameText(node,key))
         return(true);
      node=m_next[node];
      if(node>=0)
         node=m_next[node];
     }
   return(false);
  }
bool CJson::SameText(const int a,const int b) const
  {
   if(m_escaped[a] || m_escaped[b])
      return(Text(a)==Text(b));
   int length=m_end[a]-m_start[a];
   if(length!=m_end[b]-m_start[b])
      return(false);
   for(int i=0; i<length; i++)
      if(m_bytes[m_start[a]+i]!=m_bytes[m_start[b]+i])
         return(false);
   return(true);
  }
int CJson::Find(const int object,const string name) const
  {
   if(Kind(object)!=JSON_OBJECT)
      return(-1);
   int key=m_child[object];
   while(key>=0)
     {
      int value=m_next[key];
      if(Text(key)==name)
         return(value);
      key=(value>=0) ? m_next[value] : -1;
     }
   return(-1);
  }
//--- the bytes of a node as they came; of a string what stands between its quotes
string CJson::Raw(const int node) const
  {
   if(Kind(node)==JSON_NONE)
      return("");
   return(TextFromBytes(m_bytes,m_start[node],m_end[node]-m_start[node]));
  }
//--- a string's text, its escapes resolved; half of a pair and the zero become U+FFFD. "" for what is no string
string CJson::Text(const int node) const
  {
   if(Kind(node)!=JSON_STRING)
      return("");
   if(!m_escaped[node])
      return(Raw(node));
   string text="";
   int plain=m_start[node];
   int i=plain;
   while(i<m_end[node])
     {
      if(m_bytes[i]!='\\')
        {
         i++;
         continue;
        }
      text+=TextFromBytes(m_bytes,plain,i-plain);
      uchar c=m_bytes[i+1];
      if(c=='u')
        {
         int unit=Hex4(i+2);
         i+=6;
         if(unit>=0xD800 && unit<0xDC00 && i+6<=m_end[node] && m_bytes[i]=='\\' && m_bytes[i+1]=='u' && Hex4(i+2)>=0xDC00 && Hex4(i+2)<0xE000)
           {
            text+=ShortToString((ushort)unit)+ShortToString((ushort)Hex4(i+2));
            i+=6;
           }
         else
            text+=ShortToString((ushort)((unit==0 || (unit>=0xD800 && unit<0xE000)) ? 0xFFFD : unit));
        }
      else
        {
         int known=(c=='b') ? 8 : (c=='f') ? 12 : (c=='n') ? 10 : (c=='r') ? 13 : (c=='t') ? 9 : (int)c;
         text+=ShortToString((ushort)known);
         i+=2;
        }
      plain=i;
     }
   return(text+TextFromBytes(m_bytes,plain,i-plain));
  }
bool CJson::Integer(const int node,long &value) const
  {
   value=0;
   return(Kind(node)==JSON_INTEGER && IntegerValue(Raw(node),value));
  }
//--- a decimal of the wire is a string; it stays a text, so no digit is lost
bool CJson::Decimal(const int node,string &value) const
  {
   value=Text(node);
   return(Kind(node)==JSON_STRING && IsDecimal(value));
  }
bool CJson::Boolean(const int node,const bool otherwise) const
  {
   EJsonKind kind=Kind(node);
   return(kind==JSON_TRUE ? true : kind==JSON_FALSE ? false : otherwise);
  }
//+------------------------------------------------------------------+
//| Where the object or array that begins at `from` ends (behind its |
//| last bracket), or -1. Cuts an exchange's answer into frames.     |
//+------------------------------------------------------------------+
int JsonEnd(const uchar &bytes[],const int from,const int limit)
  {
   int depth=0;
   bool quoted=false;
   for(int i=from; i<limit; i++)
     {
      uchar c=bytes[i];
      if(quoted)
        {
         if(c=='\\')
            i++;
         else if(c=='"')
            quoted=false;
         continue;
        }
      if(c=='"')
         quoted=true;
      else if(c=='{' || c=='[')
         depth++;
      else if(c=='}' || c==']')
        {
         depth--;
         if(depth==0)
            return(i+1);
        }
     }
   return(-1);
  }
//+------------------------------------------------------------------+
//| Writes one JSON text. A name of "" adds to an array. A value     |
//| that is none is left out.                                        |
//+------------------------------------------------------------------+
class CJsonWriter
  {
private:
   string            m_text;
   bool              m_comma;
   void              Name(const string name);
   string            Quoted(const string text) const;

public:
                     CJsonWriter(void) { m_text=""; m_comma=false; }
   void              Clear(void) { m_text=""; m_comma=false; }
   void              Open(const string name,const string bracket) { Name(name); m_text+=bracket; m_comma=false; }
   void              Close(const string bracket) { m_text+=bracket; m_comma=true; }
   void              Text(const string name,const string value) { Name(name); m_text+=Quoted(value); }
   void              Integer(const string name,const long value) { Name(name); m_text+=IntegerToString(value); }
   void              Boolean(const string name,const bool value) { Name(name); m_text+=value ? "true" : "false"; }
   void              Null(const string name) { Name(name); m_text+="null"; }
   void              Raw(const string name,const string json) { Name(name); m_text+=json; }
   void              Decimal(const string name,const double value,const int decimals);
   string            Result(void) const { return(m_text); }
   int               Bytes(uchar &bytes[]) const { return(TextToBytes(m_text,bytes)); }
  };
void CJsonWriter::Name(const string name)
  {
   if(m_comma)
      m_text+=",";
   if(name!="")
      m_text+=Quoted(name)+":";
   m_comma=true;
  }
void CJsonWriter::Decimal(const string name,const double value,const int decimals)
  {
   string text=DecimalText(value,decimals);
   if(text!="")
      Text(name,text);
  }
string CJsonWriter::Quoted(const string text) const
  {
   string result="\"";
   int plain=0;
   int length=StringLen(text);
   for(int i=0; i<length; i++)
     {
      int c=StringGetCharacter(text,i);
      if(c>=32 && c!='"' && c!='\\')
         continue;
      if(i>plain)
         result+=StringSubstr(text,plain,i-plain);
      result+=(c=='"') ? "\\\"" : (c=='\\') ? "\\\\" : "\\u"+HexText((ulong)c,4);
      plain=i+1;
     }
   if(length>plain)
      result+=StringSubstr(text,plain,length-plain);
   return(result+"\"");
  }
#endif
