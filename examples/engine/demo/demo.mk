# make demo            runs the demos in LÖVE and in Godot 3, each on a screen in memory, against test servers on this machine;
#                      what they look like in the end is in build/*.png
# make love, godot     runs one of them on the screen that there is
# make godot-server    runs the one for Godot on the engine's headless server
# make c               runs a game in C that does everything once, against the same test servers
# make listed          runs the shortest program in C that hosts a server and finds it in the list
# make csharp          runs a player in C#, with Mono
# make wine            loads the DLL into a Windows program
# make bench           measures what calls, events and the library itself cost

FRAMES ?= 180
CC ?= cc
SCREEN = LIBGL_ALWAYS_SOFTWARE=1 SDL_AUDIODRIVER=dummy RELIGHT_FRAMES=$(FRAMES) xvfb-run -a -s '-screen 0 1280x800x24'
WARNINGS = -Wall -Wextra -Werror -O2
GODOT = $(OUT)/godot
WINE = WINEPREFIX=$(abspath $(OUT)/wine) WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
SYSTEM32 = drive_c/windows/system32
WINDOWS = x86_64-w64-mingw32-gcc $(WARNINGS)

.PHONY: demo c listed love godot godot-server csharp wine bench
demo: $(OUT)/backend $(GODOT)/librelight_godot.so
	RELIGHT_LIBRARY=$(abspath $(OUT)/$(LIBRARY)) RELIGHT_SCREENSHOT=$(OUT)/love.png $(SCREEN) $(OUT)/backend love demo/love
	RELIGHT_SCREENSHOT=$(abspath $(OUT))/godot.png $(SCREEN) $(OUT)/backend godot3 --audio-driver Dummy --path $(GODOT)

c: $(OUT)/backend $(OUT)/demo
	RELIGHT_DIR=$(OUT)/depot $(OUT)/backend $(OUT)/demo

listed: $(OUT)/backend $(OUT)/listed
	$(OUT)/backend $(OUT)/listed

$(OUT)/demo $(OUT)/listed: $(OUT)/%: demo/c/%.c relight.h $(OUT)/$(LIBRARY)
	$(CC) $(WARNINGS) -std=gnu89 -pedantic -I. -o $@ $< -L$(OUT) -l:$(LIBRARY) -Wl,-rpath,'$$ORIGIN'

love: all $(OUT)/backend
	RELIGHT_LIBRARY=$(abspath $(OUT)/$(LIBRARY)) $(OUT)/backend love demo/love

godot: $(OUT)/backend $(GODOT)/librelight_godot.so
	$(OUT)/backend godot3 --path $(GODOT)

godot-server: $(OUT)/backend $(GODOT)/librelight_godot.so
	RELIGHT_FRAMES=$(FRAMES) $(OUT)/backend godot3-server --path $(GODOT)

$(OUT)/backend: $(shell find backend -name '*.go') $(SOURCES)
	$(GO) build -o $@ ./backend

# The project in which Godot finds the shim beside its scene, and the shim the library a folder above.
$(GODOT)/librelight_godot.so: $(wildcard demo/godot/*) $(OUT)/$(LIBRARY)
	mkdir -p $(GODOT)
	cp demo/godot/project.godot demo/godot/main.* demo/godot/relight.gd* $(GODOT)
	$(CC) $(WARNINGS) -shared -fPIC -I. -o $@ demo/godot/shim.c -L$(OUT) -l:$(LIBRARY) -Wl,-rpath,'$$ORIGIN/..'

csharp: all $(OUT)/backend $(OUT)/csharp/demo.exe
	LD_LIBRARY_PATH=$(abspath $(OUT)) $(OUT)/backend mono $(OUT)/csharp/demo.exe

$(OUT)/csharp/demo.exe: $(wildcard demo/csharp/*.cs)
	mkdir -p $(OUT)/csharp
	mcs -warn:4 -warnaserror -out:$@ $^

wine: $(OUT)/backend $(OUT)/windows/loader.exe $(OUT)/windows/relight.dll $(OUT)/wine/made
	$(WINE) $(OUT)/backend wine $(OUT)/windows/loader.exe $(OUT)/windows/relight.dll

# A Wine of its own, with what Wine 8 lacks.
$(OUT)/wine/made: $(OUT)/windows/bcryptprimitives.dll
	mkdir -p $(OUT)/wine
	$(WINE) wine wineboot --init
	test -e $(OUT)/wine/$(SYSTEM32)/bcryptprimitives.dll || cp $< $(OUT)/wine/$(SYSTEM32)
	touch $@

$(OUT)/windows/loader.exe: demo/windows/loader.c relight.h
	mkdir -p $(OUT)/windows
	$(WINDOWS) -I. -o $@ $<

# Only for Wine 8: for a Wine of your own, copy it to drive_c/windows/system32 of the WINEPREFIX.
$(OUT)/windows/bcryptprimitives.dll: demo/windows/bcryptprimitives.c
	mkdir -p $(OUT)/windows
	$(WINDOWS) -shared -o $@ $<

# The loader for 32 bits shows that relight.h is good there; Wine of 64 bits cannot run it.
$(OUT)/windows-386/loader.exe: demo/windows/loader.c relight.h
	mkdir -p $(OUT)/windows-386
	i686-w64-mingw32-gcc $(WARNINGS) -I. -o $@ $<

bench: all small $(OUT)/backend $(OUT)/bench
	$(MAKE) --no-print-directory OUT=$(OUT)/hooks TAGS=$(TAGS),relighttest
	$(OUT)/backend -servers 0 -listed 1000 $(OUT)/bench $(OUT)/$(LIBRARY) $(OUT)/small/$(LIBRARY) $(OUT)/hooks/$(LIBRARY)

$(OUT)/bench: demo/c/bench.c relight.h
	mkdir -p $(OUT)
	$(CC) $(WARNINGS) -I. -o $@ $< -ldl -lm
