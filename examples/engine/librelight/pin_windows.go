package main

// #define WIN32_LEAN_AND_MEAN
// #include <windows.h>
// static void pin(void) {
//	HMODULE self;
//	GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)(void *)pin, &self);
// }
import "C"

// FreeLibrary would unmap the code of threads that run: the process hangs. Linux does not unload Go libraries by itself, on
// Windows it has to be asked for.
func init() { C.pin() }
