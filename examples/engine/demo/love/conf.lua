-- LÖVE reads this before it opens the window.
function love.conf(t)
	t.identity = "relight-demo"
	t.window.title = "Relight in LÖVE"
	t.window.width, t.window.height = 960, 600
	t.window.vsync = 0 -- main.lua keeps 60 frames a second itself, with or without a display that has a rhythm
	for _, name in ipairs { "audio", "sound", "joystick", "physics", "video", "touch", "thread" } do t.modules[name] = false end
end
