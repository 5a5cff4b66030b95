// Relight for C#, by P/Invoke: .NET, Mono, and what is built on them. As much of relight.h as Demo.cs needs; more functions
// and structs follow the same pattern. A pointer in a struct is a ulong here, because it takes 8 bytes everywhere.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

static class Relight
{
    public const int AbiVersion = 1, Event = 1, LoginUniqueNick = 1;
    public const int EvClosed = 4, EvPresenceReady = 101, EvPresenceMessage = 104, EvBrowserServer = 300, EvBrowserListed = 303;

    const string Library = "relight"; // relight.dll, librelight.so, librelight.dylib
    const CallingConvention C = CallingConvention.Cdecl;

    [StructLayout(LayoutKind.Sequential)]
    public struct EventData
    {
        public uint Size;
        public int Type;
        public ulong Handle, Request;
        public int Code, Native, Status;
        public uint Flags;
        public long Id, Number, Total, Time;
        public ulong TextPointer, NamePointer, AddressPointer, DataPointer;
        public uint DataSize, FieldCount;
        public ulong FieldsPointer;

        public string Text { get { return FromUtf8(TextPointer); } }
        public string Name { get { return FromUtf8(NamePointer); } }
        public string Address { get { return FromUtf8(AddressPointer); } }
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct PresenceConfig
    {
        public uint Size, Queue;
        public int LogLevel, Login;
        public uint Flags;
        public int ProductId, NamespaceId, PartnerId;
        public ulong Game, Domain, Host, Addr, SearchAddr, UniqueNick, Nick, Email, Password, Token, Challenge, Ticket, CdKey;
        public uint LoginTimeout, OperationTimeout, SearchTimeout;
        public int KeepAlive;
        public uint ReconnectFirst, ReconnectMax, ReconnectAttempts, MaxResults;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct BrowserConfig
    {
        public uint Size, Queue;
        public int LogLevel;
        public uint Flags;
        public ulong Game, From, Secret, Domain, Host, Addr, Filter, Fields, Broadcast, NatNegHost, NatNeg1, NatNeg2, NatNeg3;
        public int AskEvery;
        public uint RelistEvery, RetryAfter, ConnectTimeout, ReplyTimeout, NatNegTimeout, QueryTimeout, QueryAttempts, FirstPort, LastPort;
    }

    [DllImport(Library, CallingConvention = C)] public static extern int relight_abi_version();
    [DllImport(Library, CallingConvention = C)] static extern IntPtr relight_version();
    [DllImport(Library, CallingConvention = C)] static extern int relight_error_text(ulong handle, byte[] buffer, uint capacity, IntPtr needed);
    [DllImport(Library, CallingConvention = C)] public static extern int relight_poll(ulong handle, ref EventData ev);
    [DllImport(Library, CallingConvention = C)] static extern IntPtr relight_pending(ulong handle);
    [DllImport(Library, CallingConvention = C)] public static extern int relight_close(ulong handle);
    [DllImport(Library, CallingConvention = C)] public static extern int relight_shutdown(uint timeout);
    [DllImport(Library, CallingConvention = C)] public static extern int relight_presence_login(ref PresenceConfig config, out ulong handle);
    [DllImport(Library, CallingConvention = C)] static extern int relight_presence_send_message(ulong handle, long to, byte[] text, IntPtr request);
    [DllImport(Library, CallingConvention = C)] public static extern int relight_browser_open(ref BrowserConfig config, out ulong handle);

    public static string Version { get { return FromUtf8((ulong)relight_version()); } }

    public static int SendMessage(ulong handle, long to, string text)
    {
        return relight_presence_send_message(handle, to, Encoding.UTF8.GetBytes(text + "\0"), IntPtr.Zero);
    }

    public static string ErrorText(ulong handle)
    {
        var buffer = new byte[512];
        relight_error_text(handle, buffer, (uint)buffer.Length, IntPtr.Zero);
        return Encoding.UTF8.GetString(buffer, 0, Array.IndexOf(buffer, (byte)0));
    }

    // Events goes through what waits for a handle. The texts of an event are good until the next one.
    public static IEnumerable<EventData> Events(ulong handle)
    {
        var pending = relight_pending(handle);
        var ev = new EventData { Size = (uint)Marshal.SizeOf(typeof(EventData)) };
        while (pending != IntPtr.Zero && Marshal.ReadInt32(pending) != 0 && relight_poll(handle, ref ev) == Event)
            yield return ev;
    }

    // Texts holds the strings of a configuration until the library has copied them.
    public sealed class Texts : IDisposable
    {
        readonly List<IntPtr> held = new List<IntPtr>();

        public ulong Add(string text)
        {
            if (text == null)
                return 0;
            var bytes = Encoding.UTF8.GetBytes(text + "\0");
            var memory = Marshal.AllocHGlobal(bytes.Length);
            held.Add(memory);
            Marshal.Copy(bytes, 0, memory, bytes.Length);
            return (ulong)memory;
        }

        public void Dispose() { held.ForEach(Marshal.FreeHGlobal); }
    }

    static string FromUtf8(ulong pointer)
    {
        var start = (IntPtr)(long)pointer;
        var length = 0;
        while (Marshal.ReadByte(start, length) != 0)
            length++;
        var bytes = new byte[length];
        Marshal.Copy(start, bytes, 0, length);
        return Encoding.UTF8.GetString(bytes);
    }
}
