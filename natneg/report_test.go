package natneg

import (
	"net/netip"
	"testing"
)

// The table of spec nat.md §3.
func TestOutlook(t *testing.T) {
	cone := func(filtering Dependency) *Report { return &Report{Mapping: EndpointIndependent, Filtering: filtering} }
	open, address, port := cone(EndpointIndependent), cone(AddressDependent), cone(AddressAndPortDependent)
	sequential := &Report{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent, Step: 1}
	random := &Report{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent}
	promiscuous := &Report{Mapping: AddressAndPortDependent, Filtering: EndpointIndependent}
	for _, test := range []struct {
		a, b *Report
		want Outlook
	}{
		{open, open, OutlookGood},
		{port, port, OutlookGood},
		{port, cone(DependencyUnknown), OutlookGood},
		{open, random, OutlookGood},
		{address, random, OutlookGood},
		{address, sequential, OutlookGood},
		{port, sequential, OutlookPrediction},
		{cone(DependencyUnknown), sequential, OutlookPrediction},
		{port, random, OutlookBirthday},
		{port, promiscuous, OutlookBirthday}, // its answer leaves from a port that port does not let in
		{sequential, sequential, OutlookPrediction},
		{sequential, promiscuous, OutlookImpossible},
		{promiscuous, promiscuous, OutlookGood},
		{sequential, random, OutlookImpossible},
		{random, random, OutlookImpossible},
		{nil, open, OutlookUnknown},
		{open, new(Report), OutlookUnknown},
	} {
		if got := test.a.Outlook(test.b); got != test.want {
			t.Errorf("%+v and %+v: %v, want %v", test.a, test.b, got, test.want)
		}
		if got := test.b.Outlook(test.a); got != test.want {
			t.Errorf("%+v and %+v: %v, want %v", test.b, test.a, got, test.want)
		}
	}
}

func TestClassify(t *testing.T) {
	private := netip.MustParseAddrPort("192.168.1.2:5000")
	public := netip.MustParseAddrPort("203.0.113.1:5000")
	for _, test := range []struct {
		report Report
		nat    NATType
		scheme MappingScheme
		with   Promiscuity
	}{
		{Report{}, NATUnknown, MappingUnrecognized, PromiscuityNotApplicable},
		{Report{Mapping: EndpointIndependent, Filtering: EndpointIndependent, Public: private, Private: private, PortPreservation: FactYes}, NATNone, MappingPrivateAsPublic, PromiscuityNotApplicable},
		{Report{Mapping: EndpointIndependent, Filtering: AddressDependent, Public: private, Private: private, PortPreservation: FactYes}, NATFirewallOnly, MappingPrivateAsPublic, PromiscuityNotApplicable},
		{Report{Mapping: EndpointIndependent, Filtering: EndpointIndependent, Public: public, Private: private}, NATFullCone, MappingConsistent, PromiscuityNotApplicable},
		{Report{Mapping: EndpointIndependent, Filtering: AddressDependent, Public: public, Private: private}, NATRestrictedCone, MappingConsistent, PromiscuityNotApplicable},
		{Report{Mapping: EndpointIndependent, Public: public, Private: private}, NATPortRestricted, MappingConsistent, PromiscuityNotApplicable},
		{Report{Mapping: AddressDependent, Filtering: AddressDependent, Public: public, Private: private}, NATSymmetric, MappingUnrecognized, PortPromiscuous},
		{Report{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent, Step: 1, Public: public, Private: private}, NATSymmetric, MappingIncremental, NotPromiscuous},
		{Report{Mapping: AddressAndPortDependent, Filtering: EndpointIndependent, Step: 1, PortPreservation: FactYes, Public: public, Private: private}, NATSymmetric, MappingMixed, Promiscuous},
	} {
		test.report.Classify()
		if r := test.report; r.NAT != test.nat || r.Scheme != test.scheme || r.Promiscuity != test.with || r.String() == "" {
			t.Errorf("got %+v, want %v, %v, %v", r, test.nat, test.scheme, test.with)
		}
	}
}
