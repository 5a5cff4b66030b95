package gpwire

// Greeting is the server's first message: \lc\1 (spec gp.md §5.1).
type Greeting struct {
	Challenge string
	ID        int
}

func (m *Greeting) Command() string { return "lc" }

func (m *Greeting) fields(f *fields) {
	f.command("1")
	f.text("challenge", &m.Challenge, 0, required)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *Greeting) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Login asks to log in, with exactly one of AuthToken, Ticket, UniqueNick and User (spec gp.md §5.2).
type Login struct {
	Challenge   string // of the client, 32 characters
	AuthToken   string
	Ticket      string
	UniqueNick  string
	User        string    // nick@email
	UserID      UserID    // if known
	ProfileID   ProfileID // if known
	PartnerID   PartnerID
	Response    string
	Firewall    bool   // the peer layer cannot be reached: Port is 0
	Port        uint16 // UDP port of the peer layer
	ProductID   ProductID
	GameName    string
	NamespaceID NamespaceID
	SDKRevision int
	Quiet       int
	ID          int // 1
}

func (m *Login) Command() string { return "login" }

func (m *Login) fields(f *fields) {
	f.command("")
	f.text("challenge", &m.Challenge, 0, 0)
	f.text("authtoken", &m.AuthToken, MaxAuthToken, omitEmpty)
	f.text("lt", &m.Ticket, MaxAuthToken, omitEmpty)
	f.text("uniquenick", &m.UniqueNick, MaxUniqueNick, omitEmpty)
	f.text("user", &m.User, MaxNick+1+MaxEmail, omitEmpty)
	f.text("userid", (*string)(&m.UserID), 0, omitEmpty)
	number(f, "profileid", &m.ProfileID, omitEmpty)
	number(f, "partnerid", &m.PartnerID, 0)
	f.text("response", &m.Response, 0, 0)
	f.flag("firewall", "1", &m.Firewall)
	number(f, "port", &m.Port, 0)
	number(f, "productid", &m.ProductID, 0)
	f.text("gamename", &m.GameName, 0, 0)
	number(f, "namespaceid", &m.NamespaceID, 0)
	number(f, "sdkrevision", &m.SDKRevision, 0)
	number(f, "quiet", &m.Quiet, 0)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *Login) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// LoginReply says that the login succeeded: \lc\2 (spec gp.md §5.2).
type LoginReply struct {
	SessionKey SessionKey
	Proof      string
	UserID     UserID
	ProfileID  ProfileID
	UniqueNick string
	Ticket     string // for web services
	ID         int
}

func (m *LoginReply) Command() string { return "lc" }

func (m *LoginReply) fields(f *fields) {
	f.command("2")
	f.text("sesskey", (*string)(&m.SessionKey), 0, required)
	f.text("proof", &m.Proof, 0, 0)
	f.text("userid", (*string)(&m.UserID), 0, 0)
	number(f, "profileid", &m.ProfileID, required)
	f.text("uniquenick", &m.UniqueNick, 0, omitEmpty)
	f.text("lt", &m.Ticket, 0, omitEmpty)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *LoginReply) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// NewUser creates an account on the connection manager; the login follows on the same connection (spec gp.md §5.3).
type NewUser struct {
	Email       string
	Nick        string
	PasswordEnc string
	ProductID   ProductID
	GameName    string
	NamespaceID NamespaceID
	UniqueNick  string
	CDKeyEnc    string
	PartnerID   PartnerID
	ID          int // 1
}

func (m *NewUser) Command() string { return "newuser" }

func (m *NewUser) fields(f *fields) {
	f.command("")
	f.text("email", &m.Email, MaxEmail, 0)
	f.text("nick", &m.Nick, MaxNick, 0)
	f.text("passwordenc", &m.PasswordEnc, 0, 0)
	number(f, "productid", &m.ProductID, 0)
	f.text("gamename", &m.GameName, 0, 0)
	number(f, "namespaceid", &m.NamespaceID, 0)
	f.text("uniquenick", &m.UniqueNick, MaxUniqueNick, 0)
	f.text("cdkeyenc", &m.CDKeyEnc, 0, omitEmpty)
	number(f, "partnerid", &m.PartnerID, 0)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *NewUser) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// NewUserReply says that the account was created: \nur\.
type NewUserReply struct {
	UserID    UserID
	ProfileID ProfileID
	ID        int
}

func (m *NewUserReply) Command() string { return "nur" }

func (m *NewUserReply) fields(f *fields) {
	f.command("")
	f.text("userid", (*string)(&m.UserID), 0, 0)
	if _, ok := f.find("profileid"); !f.writing && !ok {
		number(f, "pid", &m.ProfileID, required) // \nur\N\pid\N\id\1, section8 (servers.md §5.1.4)
	} else {
		number(f, "profileid", &m.ProfileID, required)
	}
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *NewUserReply) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Logout ends the session; nothing answers it (spec gp.md §5.4).
type Logout struct {
	SessionKey SessionKey
}

func (m *Logout) Command() string { return "logout" }

func (m *Logout) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
}

// Append writes the message.
func (m *Logout) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// KeepAlive keeps the connection alive, in both directions (spec gp.md §1.2).
type KeepAlive struct{}

func (m *KeepAlive) Command() string { return "ka" }

func (m *KeepAlive) fields(f *fields) { f.command("") }

// Append writes the message.
func (m *KeepAlive) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// TicketRenewed carries a new login ticket, unasked (spec gp.md §5.2).
type TicketRenewed struct {
	Ticket string
}

func (m *TicketRenewed) Command() string { return "lt" }

func (m *TicketRenewed) fields(f *fields) {
	f.command(m.Ticket)
	if !f.writing {
		m.Ticket = string(f.value)
	}
}

// Append writes the message.
func (m *TicketRenewed) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// RemoteAuth gives the namespace and partner to use from then on, after an authtoken login: \rar\ (spec gp.md §1.1).
type RemoteAuth struct {
	NamespaceID NamespaceID
	PartnerID   PartnerID
}

func (m *RemoteAuth) Command() string { return "rar" }

func (m *RemoteAuth) fields(f *fields) {
	f.command("")
	number(f, "namespaceid", &m.NamespaceID, required)
	number(f, "partnerid", &m.PartnerID, required)
}

// Append writes the message.
func (m *RemoteAuth) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// ErrorReply is what the server says when something fails, with or without having been asked (spec gp.md §2).
type ErrorReply struct {
	Code      ErrorCode
	Fatal     bool // the connection must be closed
	Text      string
	ProfileID ProfileID // the existing profile, with ErrorNewUserBadNick
	ID        int       // of the operation that failed; 0 if the server does not say
}

func (m *ErrorReply) Command() string { return "error" }

func (m *ErrorReply) fields(f *fields) {
	f.command("")
	number(f, "err", &m.Code, required)
	f.flag("fatal", "", &m.Fatal)
	f.text("errmsg", &m.Text, 0, 0)
	number(f, "pid", &m.ProfileID, omitEmpty)
	number(f, "id", &m.ID, omitEmpty)
}

// Append writes the message.
func (m *ErrorReply) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }
