//+------------------------------------------------------------------+
//| Random.mqh: keys and ids, without a DLL: a pool that is hashed   |
//| with the differences of a fine clock around calls whose duration |
//| nobody can foretell. Shared by MQL4 and MQL5.                    |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_RANDOM
#define EAG_RANDOM
#include "Text.mqh"

#define RANDOM_SAMPLES   4096
#define RANDOM_DIFFERENT 128
#define RANDOM_SIZE      32

class CRandom
  {
private:
   uchar             m_pool[RANDOM_SIZE];
   ulong             m_counter;
   ulong             m_last;
   int               m_samples;
   int               m_different;
   bool              m_seen[65536];
   uchar             m_block[];

   void              Hash(const uchar &data[],uchar &digest[]) const;
   void              Number(ulong value);
   void              Mix(void);

public:
                     CRandom(void);
   void              Text(const string told);
   void              Seed(const uchar &bytes[]);
   void              Sample(void);
   void              Collect(const string file,const int samples);
   bool              Ready(void) const { return(m_samples>=RANDOM_SAMPLES && m_different>=RANDOM_DIFFERENT); }
   void              Bytes(uchar &out[]);
   double            Fraction(void);
   string            Uuid(const long wall_ms);
   static string     Base64Url(const uchar &bytes[]);
   string            Fingerprint(const string text) const;
  };
CRandom::CRandom(void)
  {
   m_counter=0;
   m_last=0;
   m_samples=0;
   m_different=0;
   ArrayInitialize(m_pool,0);
   ArrayInitialize(m_seen,false);
  }
void CRandom::Hash(const uchar &data[],uchar &digest[]) const
  {
   uchar none[];
   CryptEncode(CRYPT_HASH_SHA256,data,none,digest);
  }
//--- eight more bytes for the next hash
void CRandom::Number(ulong value)
  {
   int size=ArraySize(m_block);
   ArrayResize(m_block,size+8,4096);
   for(int i=0; i<8; i++)
     {
      m_block[size+i]=(uchar)(value&255);
      value=value>>8;
     }
  }
//--- pool = hash of the pool and of what has come since
void CRandom::Mix(void)
  {
   uchar digest[];
   Number(m_counter);
   m_counter++;
   BytesAdd(m_block,m_pool,RANDOM_SIZE);
   Hash(m_block,digest);
   ArrayCopy(m_pool,digest,0,0,RANDOM_SIZE);
   ArrayResize(m_block,0);
  }
void CRandom::Text(const string told)
  {
   uchar bytes[];
   int count=TextToBytes(told,bytes);
   BytesAdd(m_block,bytes,count);
   Mix();
  }
//--- bytes of a generator that is good by itself: nothing has to be collected
void CRandom::Seed(const uchar &bytes[])
  {
   BytesAdd(m_block,bytes,ArraySize(bytes));
   Mix();
   m_samples=RANDOM_SAMPLES;
   m_different=RANDOM_DIFFERENT;
  }
void CRandom::Sample(void)
  {
   ulong now=GetMicrosecondCount();
   int difference=(int)((now-m_last)&65535);
   m_last=now;
   m_samples++;
   if(!m_seen[difference])
     {
      m_seen[difference]=true;
      m_different++;
     }
   Number(now);
  }
//--- samples around writes of a file of one's own
void CRandom::Collect(const string file,const int samples)
  {
   int handle=FileOpen(file,FILE_BIN|FILE_WRITE);
   uchar some[];
   ArrayResize(some,64);
   ArrayInitialize(some,0);
   for(int i=0; i<samples; i++)
     {
      Sample();
      if(handle==INVALID_HANDLE)
         continue;
      FileWriteArray(handle,some,0,1+i%64);
      FileFlush(handle);
     }
   if(handle!=INVALID_HANDLE)
      FileClose(handle);
   FileDelete(file);
   Mix();
  }
//--- 32 bytes that tell nothing of the pool
void CRandom::Bytes(uchar &out[])
  {
   Sample();
   Mix();
   uchar copy[];
   ArrayResize(copy,RANDOM_SIZE);
   ArrayCopy(copy,m_pool,0,0,RANDOM_SIZE);
   ArrayResize(copy,RANDOM_SIZE+1);
   copy[RANDOM_SIZE]=1;
   Hash(copy,out);
   Mix();
  }
double CRandom::Fraction(void)
  {
   uchar bytes[];
   Bytes(bytes);
   return((bytes[0]*65536.0+bytes[1]*256.0+bytes[2])/16777216.0);
  }
//--- the form of UUIDv7: 48 bits of time, 74 of the pool
string CRandom::Uuid(const long wall_ms)
  {
   uchar bytes[];
   Bytes(bytes);
   string noise="";
   for(int i=0; i<10; i++)
      noise+=HexText((ulong)bytes[i],2);
   string time=HexText((ulong)wall_ms,12);
   string variant=HexText((ulong)(8|(bytes[10]&3)),1);
   return(StringSubstr(time,0,8)+"-"+StringSubstr(time,8,4)+"-7"+StringSubstr(noise,0,3)+"-"+variant+StringSubstr(noise,3,3)
          +"-"+StringSubstr(noise,6,12));
  }
string CRandom::Base64Url(const uchar &bytes[])
  {
   string letters="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
   string text="";
   int bits=0,held=0;
   for(int i=0; i<ArraySize(bytes); i++)
     {
      held=(held<<8)|bytes[i];
      bits+=8;
      while(bits>=6)
        {
         bits-=6;
         text+=StringSubstr(letters,(held>>bits)&63,1);
        }
      held=held&((1<<bits)-1);
     }
   if(bits>0)
      text+=StringSubstr(letters,(held<<(6-bits))&63,1);
   return(text);
  }
//--- the first eight digits of the hash, to be read to a person
string CRandom::Fingerprint(const string text) const
  {
   uchar bytes[],digest[];
   TextToBytes(text,bytes);
   Hash(bytes,digest);
   string shown="";
   for(int i=0; i<4; i++)
      shown+=(i==2 ? " " : "")+HexText((ulong)digest[i],2);
   return(shown);
  }
#endif
