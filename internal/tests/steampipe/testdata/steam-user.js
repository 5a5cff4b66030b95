// Downloads a depot with the npm package steam-user, without a Steam account: what the client would ask Steam for (servers,
// key, request code) is given; manifest and files are fetched, parsed, decrypted, decompressed and checked by the package.
// Prints what it read as JSON. Arguments: address, vhost, depot, manifest, key in hex, request code.
const crypto = require('crypto');
const SteamUser = require('steam-user');

const [address, vhost, depot, manifestID, key, code] = process.argv.slice(-6);
const client = Object.create(SteamUser.prototype);
client.emit = () => {};
client._warn = () => {};
client.getContentServers = async () => ({
	servers: Array.from({length: 20}, () => ({type: 'SteamCache', Host: address, vhost, https_support: 'none'}))
});
client.getDepotDecryptionKey = async () => ({key: Buffer.from(key, 'hex')});
client.getManifestRequestCode = async () => ({requestCode: code});

(async () => {
	const {manifest} = await client.getManifest(1, Number(depot), manifestID, 'public');
	const files = [];
	for (const file of manifest.files) {
		const entry = {
			name: file.filename, size: String(file.size), flags: file.flags, sha: '',
			chunks: file.chunks.map((c) => ({id: c.sha, crc: c.crc, offset: String(c.offset)}))
		};
		if (!(file.flags & 64)) {
			const {file: bytes} = await client.downloadFile(1, Number(depot), file);
			entry.sha = crypto.createHash('sha1').update(bytes).digest('hex');
		}
		files.push(entry);
	}
	console.log(JSON.stringify({
		depot: manifest.depot_id, manifest: String(manifest.gid_manifest), size: String(manifest.cb_disk_original),
		chunks: manifest.unique_chunks, files
	}));
	process.exit(0);
})().catch((err) => {
	console.error(err);
	process.exit(1);
});
