/* bcryptprimitives.c: the one function of Windows' bcryptprimitives.dll that Go needs, for Wine 8, which does not have that
 * DLL. Windows and later versions of Wine do. */
#include <windows.h>

#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(unsigned char *data, SIZE_T size) { return RtlGenRandom(data, (ULONG)size); }
