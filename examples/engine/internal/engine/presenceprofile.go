package engine

import (
	"context"
	"fmt"
	"strconv"

	"github.com/relight-sdk/relight/gp"
)

// Profile asks for a profile.
func (p *Presence) Profile(id gp.ProfileID) (Request, error) {
	session, err := p.loggedIn()
	if err != nil {
		return 0, err
	}
	return p.request(false, func(ctx context.Context, _ Request) (Event, error) {
		profile, err := session.Profile(ctx, id)
		if err != nil {
			return Event{}, err
		}
		return Event{Type: EventPresenceProfile, ID: int64(profile.ProfileID), Name: profileName(profile), Fields: profileFields(profile)}, nil
	})
}

// fieldList collects what is not empty.
type fieldList []Field

func (l *fieldList) add(key, value string) {
	if value != "" {
		*l = append(*l, Field{Key: key, Value: value})
	}
}

func profileFields(p *gp.Profile) []Field {
	var fields fieldList
	fields.add("nick", p.Nick)
	fields.add("uniquenick", p.UniqueNick)
	fields.add("email", p.Email)
	fields.add("firstname", p.FirstName)
	fields.add("lastname", p.LastName)
	fields.add("homepage", p.Homepage)
	fields.add("zipcode", p.ZipCode)
	fields.add("countrycode", p.CountryCode)
	if p.Birthday != (gp.Birthday{}) {
		fields.add("birthday", fmt.Sprintf("%04d-%02d-%02d", p.Birthday.Year, p.Birthday.Month, p.Birthday.Day))
	}
	switch p.Sex {
	case gp.Male:
		fields.add("sex", "m")
	case gp.Female:
		fields.add("sex", "f")
	}
	if p.ICQUIN > 0 {
		fields.add("icquin", strconv.FormatInt(p.ICQUIN, 10))
	}
	fields.add("aim", p.AIMName)
	fields.add("place", p.Place)
	if p.Longitude != 0 || p.Latitude != 0 {
		fields.add("longitude", strconv.FormatFloat(p.Longitude, 'g', -1, 64))
		fields.add("latitude", strconv.FormatFloat(p.Latitude, 'g', -1, 64))
	}
	return fields
}

// UpdateProfile changes the player's own profile.
func (p *Presence) UpdateProfile(fields []Field) (Request, error) {
	update, err := profileUpdate(fields)
	if err != nil {
		return 0, err
	}
	return p.send(func(ctx context.Context, session *gp.Session) error { return session.UpdateProfile(ctx, update) })
}

func profileUpdate(fields []Field) (update gp.ProfileUpdate, err error) {
	texts := map[string]**string{
		"nick": &update.Nick, "uniquenick": &update.UniqueNick, "email": &update.Email, "password": &update.Password,
		"firstname": &update.FirstName, "lastname": &update.LastName, "homepage": &update.Homepage,
		"zipcode": &update.ZipCode, "countrycode": &update.CountryCode, "aim": &update.AIMName,
	}
	for _, field := range fields {
		value := field.Value
		if text, ok := texts[field.Key]; ok {
			*text = &value
			continue
		}
		switch field.Key {
		case "sex":
			sex, ok := map[string]gp.Sex{"m": gp.Male, "f": gp.Female, "": gp.Unspecified}[value]
			if !ok {
				return update, errorf(ErrInvalid, "relight: sex is m, f or nothing")
			}
			update.Sex = &sex
		case "icquin":
			number, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return update, errorf(ErrInvalid, "relight: icquin is not a number")
			}
			update.ICQUIN = &number
		case "birthday":
			var day gp.Birthday
			if n, err := fmt.Sscanf(value, "%d-%d-%d", &day.Year, &day.Month, &day.Day); n != 3 || err != nil || !day.Valid() {
				return update, errorf(ErrInvalid, "relight: a birthday is yyyy-mm-dd")
			}
			update.Birthday = &day
		default:
			return update, errorf(ErrInvalid, "relight: profiles have no field of this name: %s", field.Key)
		}
	}
	return update, nil
}
