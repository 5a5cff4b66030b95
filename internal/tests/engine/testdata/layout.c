/* Sizes and places of fields do not depend on the compiler: other languages count on them. It is only compiled. */
#include "relight.h"

#include <stddef.h>

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]

SAME(event_size, sizeof(relight_event), 120);
SAME(event_text, offsetof(relight_event, text), 72);
SAME(host_config_size, sizeof(relight_host_config), 160);
SAME(host_config_game, offsetof(relight_host_config, game), 16);
SAME(host_config_port, offsetof(relight_host_config, host_port), 136);
SAME(cdkey_config_size, sizeof(relight_cdkey_config), 48);
SAME(cdkey_config_domain, offsetof(relight_cdkey_config, domain), 24);
SAME(natneg_config_size, sizeof(relight_natneg_config), 120);
SAME(natneg_config_game, offsetof(relight_natneg_config, game), 24);
SAME(natneg_config_version, offsetof(relight_natneg_config, version), 88);
SAME(discover_config_size, sizeof(relight_lan_discover_config), 72);
SAME(discover_config_port, offsetof(relight_lan_discover_config, port), 48);
SAME(lan_status_size, sizeof(relight_lan_status), 56);
SAME(lan_status_name, offsetof(relight_lan_status, name), 32);
SAME(announce_config_size, sizeof(relight_lan_announce_config), 72);
SAME(announce_config_port, offsetof(relight_lan_announce_config, port), 64);
