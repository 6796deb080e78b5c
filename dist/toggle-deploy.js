require('./index.js').run('toggle-deploy');
