package gscrypt

import "testing"

// The values were written by the original SDK (2007 and 2012 releases) against a scripted server.
func TestLoginDigests(t *testing.T) {
	for _, test := range []struct{ secret, user, client, server, response, proof string }{
		{"gptestc", LoginUser(0, "gptestc1@gptestc@gptestc.com"), "vfW24E9Bjj906FTIE9rePcPesy5IA8zu", "KFPBQTWZXA",
			"e9bc55fb8d4c8cff56085f3dcc17d1a0", "b73b31d6a4ea749e08d379ce52e5d3fb"},
		{"p", LoginUser(7, "abcdefghijklmnopqrst"), "PDhxuB3sK2kEx12mNBay8STu1Fq6L34a", "longchallengelongchallengelongchallenge",
			"fd3a219969feb482345c40849062198e", "e21ed1dc9cf95982430c306e332f7c7d"},
		{"PartnerChallengeXYZ", "AUTHTOKEN0123456789abcdef", "I03lrjXV7gFTgoygIwTZRhM9u5yghvNp", "MNBVCXZLKJ",
			"1873575b581af06c6cc910eb138b2f5c", "eecc390edd220f050182d1c6b7af6c86"},
	} {
		if got := LoginResponse(test.secret, test.user, test.client, test.server); got != test.response {
			t.Errorf("response of %s is %s, want %s", test.user, got, test.response)
		}
		if got := LoginProof(test.secret, test.user, test.client, test.server); got != test.proof {
			t.Errorf("proof of %s is %s, want %s", test.user, got, test.proof)
		}
	}
}

func TestTicketProofUser(t *testing.T) {
	if got := TicketProofUser(0); got != "@" {
		t.Error(got)
	}
	if got := TicketProofUser(11); got != "11@@" {
		t.Error(got)
	}
}

func TestPeerSignature(t *testing.T) {
	// md5("secret" + "12" + "34")
	if got, want := PeerSignature("secret", 12, 34), hexMD5("secret1234"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := SyncRequest(12, 34), hexMD5("1234"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
