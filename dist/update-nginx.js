require('./index.js').run('update-nginx');
