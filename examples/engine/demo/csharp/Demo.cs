// A player in C#: logs in, asks a buddy, lists servers. It finds the back end in its environment, as "make csharp" says.
using System;
using System.Collections.Generic;
using System.Threading;

static class Demo
{
    const long Bob = 20002;

    static int Main()
    {
        if (Relight.relight_abi_version() != Relight.AbiVersion)
            return Fail("another version of the library is in the way");
        Console.WriteLine("Relight " + Relight.Version);
        ulong presence, browser;
        using (var texts = new Relight.Texts())
        {
            var login = new Relight.PresenceConfig {
                Size = (uint)System.Runtime.InteropServices.Marshal.SizeOf(typeof(Relight.PresenceConfig)), Login = Relight.LoginUniqueNick,
                Game = texts.Add(Env("GAME")), Addr = texts.Add(Env("GPCM")), SearchAddr = texts.Add(Env("GPSP")),
                UniqueNick = texts.Add(Env("NICK")), Password = texts.Add(Env("PASSWORD")),
            };
            var list = new Relight.BrowserConfig {
                Size = (uint)System.Runtime.InteropServices.Marshal.SizeOf(typeof(Relight.BrowserConfig)),
                Game = texts.Add(Env("GAME")), Secret = texts.Add(Env("SECRET")), Addr = texts.Add(Env("LIST")),
            };
            if (Relight.relight_presence_login(ref login, out presence) < 0 || Relight.relight_browser_open(ref list, out browser) < 0)
                return Fail(Relight.ErrorText(0));
        }
        var servers = new HashSet<long>();
        var answer = "";
        for (var frame = 0; frame < 1200 && (answer == "" || servers.Count < 20); frame++, Thread.Sleep(16))
        {
            foreach (var ev in Relight.Events(presence))
                switch (ev.Type)
                {
                    case Relight.EvPresenceReady:
                        Console.WriteLine("{0} is logged in, profile {1}", ev.Name, ev.Id);
                        if (Relight.SendMessage(presence, Bob, "Is there room for one more?") < 0)
                            return Fail(Relight.ErrorText(presence));
                        break;
                    case Relight.EvPresenceMessage:
                        answer = ev.Text;
                        Console.WriteLine("bob: " + answer);
                        break;
                    case Relight.EvClosed:
                        return Fail(ev.Text);
                }
            foreach (var ev in Relight.Events(browser))
                if (ev.Type == Relight.EvBrowserServer && servers.Add(ev.Id))
                    Console.WriteLine("{0,-24} {1,-12} {2}/{3}", ev.Name, ev.Text, ev.Number, ev.Total);
        }
        Relight.relight_close(presence);
        Relight.relight_close(browser);
        Relight.relight_shutdown(2000);
        return answer != "" && servers.Count >= 20 ? 0 : Fail("not all has come");
    }

    static string Env(string name) { return Environment.GetEnvironmentVariable("RELIGHT_" + name); }

    static int Fail(string why)
    {
        Console.Error.WriteLine(why);
        return 1;
    }
}
